//! `segment-export decrypt`: one object in clear, as it is read.
//!
//! Invariant: a file that stays is a whole object that was authenticated to its end.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use segment_export::RetrySettings;
use segment_export::plan::destination::Location;
use segment_export::seal::{Keys, MessageReader, OpenLimits, Opener};
use segment_export::upload::{self, PartStore};

use crate::args::DecryptArgs;
use crate::export::location;
use crate::failure::Failure;
use crate::{environment, keys};

const OBJECT: &str = "OBJECT";

/// Standard input or output.
const STANDARD: &str = "-";

/// Bytes that are read at once.
const BLOCK_BYTES: usize = 1 << 20;

/// Opens an object; what was written of one that cannot be opened is removed.
pub(crate) async fn run(args: DecryptArgs) -> Result<(), Failure> {
    let keys = keys::keys(&args.encryption_key).await?;
    let keys = keys.ok_or_else(|| Failure::not_available("decrypt without a key"))?;
    let mut input = Input::open(&args.object).await?;
    let mut opener = open(&mut input, &keys).await?;
    let mut output = Output::create(&args.output)?;
    let copied = copy(&mut input, &mut opener, &mut output).await;
    match copied.and_then(|()| finish(opener, &mut output)) {
        Ok(()) => Ok(()),
        Err(failure) => Err(output.remove(failure)),
    }
}

/// Reads the header, and opens it by a key.
async fn open(input: &mut Input, keys: &Keys) -> Result<Opener, Failure> {
    let mut reader = MessageReader::new(OpenLimits::default());
    loop {
        let block = input.next().await?;
        if block.is_empty() {
            return Err(Failure::failed(&reader.finish()));
        }
        let Some(header) = reader.push(&block).map_err(|error| Failure::failed(&error))? else { continue };
        let key = keys.open(header.wrapped_keys(), header.context()).await;
        let opened = key.and_then(|key| header.open(&key));
        return opened.map_err(|error| Failure::failed(&error));
    }
}

async fn copy(input: &mut Input, opener: &mut Opener, output: &mut Output) -> Result<(), Failure> {
    let mut block = Vec::new();
    loop {
        let mut plain = Vec::new();
        opener.push(&block, &mut plain).map_err(|error| Failure::failed(&error))?;
        output.write(&plain)?;
        block = input.next().await?;
        if block.is_empty() {
            return Ok(());
        }
    }
}

fn finish(opener: Opener, output: &mut Output) -> Result<(), Failure> {
    let mut plain = Vec::new();
    opener.finish(&mut plain).map_err(|error| Failure::failed(&error))?;
    output.write(&plain)?;
    output.end()
}

/// Where the object comes from.
enum Input {
    Blocking(Box<dyn Read + Send>),
    Store { store: Arc<dyn PartStore>, name: String, at: u64, size: u64 },
}

impl Input {
    async fn open(object: &OsStr) -> Result<Self, Failure> {
        if object == STANDARD {
            return Ok(Self::Blocking(Box::new(io::stdin())));
        }
        if let Location::Local(path) = location(OBJECT, object)? {
            let file = File::open(&path).map_err(|error| named(&path, &error))?;
            return Ok(Self::Blocking(Box::new(file)));
        }
        let text = object.to_str().and_then(|text| text.rsplit_once('/'));
        let (place, name) = text.ok_or_else(|| Failure::bad_argument(OBJECT, "must name an object"))?;
        let place = location(OBJECT, OsStr::new(place))?;
        let store = upload::open(&place, &environment::store_options(), &RetrySettings::default())
            .map_err(|error| Failure::before(&error))?;
        let found = store.head(name).await.map_err(|error| Failure::before(&error))?;
        let info = found.ok_or_else(|| Failure::bad_argument(OBJECT, "does not exist"))?;
        Ok(Self::Store { store, name: name.to_owned(), at: 0, size: info.size })
    }

    /// The next bytes; none at the end.
    async fn next(&mut self) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Blocking(reader) => {
                let mut block = Vec::with_capacity(BLOCK_BYTES);
                let read = reader.take(BLOCK_BYTES as u64).read_to_end(&mut block);
                read.map_err(|error| Failure::failed(&error))?;
                Ok(block)
            }
            Self::Store { at, size, .. } if *at == *size => Ok(Vec::new()),
            Self::Store { store, name, at, size } => {
                let end = (*at + 8 * BLOCK_BYTES as u64).min(*size);
                let block = store.get_range(name, *at..end).await.map_err(|error| Failure::failed(&error))?;
                *at = end;
                Ok(block.into())
            }
        }
    }
}

/// Where the bytes in clear go.
enum Output {
    Standard(io::Stdout),
    File { file: File, path: PathBuf },
}

impl Output {
    /// A file that is new: one that is there is not touched.
    fn create(path: &Path) -> Result<Self, Failure> {
        if path == Path::new(STANDARD) {
            return Ok(Self::Standard(io::stdout()));
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| named(path, &error))?;
        Ok(Self::File { file, path: path.to_owned() })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = match self {
            Self::Standard(stdout) => stdout.write_all(bytes),
            Self::File { file, .. } => file.write_all(bytes),
        };
        written.map_err(|error| Failure::failed(&error))
    }

    fn end(&mut self) -> Result<(), Failure> {
        let ended = match self {
            Self::Standard(stdout) => stdout.flush(),
            Self::File { file, .. } => file.sync_all(),
        };
        ended.map_err(|error| Failure::failed(&error))
    }

    /// Takes away what was written, and gives the failure to tell.
    fn remove(self, failure: Failure) -> Failure {
        match self {
            Self::Standard(_) => failure,
            Self::File { file, path } => {
                drop(file);
                match std::fs::remove_file(&path) {
                    Ok(()) => failure,
                    Err(error) => named(&path, &error),
                }
            }
        }
    }
}

fn named(path: &Path, error: &io::Error) -> Failure {
    Failure::failed(&io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
