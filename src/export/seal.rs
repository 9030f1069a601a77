//! Seals the data objects of an export on their way to the store.
//!
//! A data object is cut into frames in the order of its bytes, frames are sealed on the threads that encode, and
//! the sealed bytes are uploaded in order again. The data key of the next object is fetched while this one is
//! written. Where there is no key nothing of this is done, and bytes go straight to the upload.
//!
//! Invariant: each begun object has a data key and a message id of its own, also when it is begun again.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

use crate::budget::Hold;
use crate::error::{Cause, Error, Result};
use crate::manifest::{Encryption, SealedPart};
use crate::seal::{Cutter, EncryptionContext, FrameSealer, Keys, Message, Run, Signer, Suite};
use crate::settings::SealSettings;
use crate::stage::{Pool, ordered};
use crate::upload::{PartUpload, Uploaded};

/// Room for the header of an object and for what its frames add besides their bytes.
const HEADER_BYTES: u64 = 64 << 10;

/// Bytes of a frame besides those of the object: number, IV, tag.
const FRAME_OVERHEAD: u64 = 32;

/// Runs of frames that wait to be sealed.
const WAITING: usize = 1;

/// The keys of an export, and what its messages have in common.
#[derive(Debug)]
pub(super) struct Sealing {
    keys: Keys,
    suite: Suite,
    frame_bytes: u32,
    context: BTreeMap<String, String>,
}

impl Sealing {
    /// Seals under these keys; the context of each message has these pairs, and the name of its object.
    pub(super) fn new(keys: Keys, settings: &SealSettings, context: BTreeMap<String, String>) -> Self {
        let suite = if settings.signed { Suite::Signed } else { Suite::Committing };
        Self { keys, suite, frame_bytes: settings.frame_bytes, context }
    }

    /// Bytes of the output at most whose sealed form has at most so many.
    pub(super) fn plain_bytes(&self, sealed: u64) -> u64 {
        let frame = u64::from(self.frame_bytes);
        sealed.saturating_sub(HEADER_BYTES) / (frame + FRAME_OVERHEAD) * frame
    }

    /// Bytes that wait for the rest of their frame, at most.
    pub(super) fn carried_bytes(&self) -> u64 {
        self.frame_bytes.into()
    }

    /// What the manifest says of it.
    pub(super) fn describe(&self) -> Encryption {
        Encryption::envelope(self.suite.to_string(), self.keys.key_id(), self.context.clone())
    }

    /// The sealed form of a small object.
    pub(super) async fn seal(&self, object: &str, plain: &[u8]) -> Result<Bytes> {
        let (message, _) = self.message(object).await?;
        let mut sealed = Vec::new();
        message.seal(plain, &mut sealed)?;
        Ok(sealed.into())
    }

    /// Makes a data key for an object of this name and drops it: a key that cannot be used fails.
    pub(super) async fn try_key(&self, object: &str) -> Result<()> {
        self.message(object).await.map(drop)
    }

    /// A new message, which holds an object of this name, and its context.
    async fn message(&self, object: &str) -> Result<Begun> {
        let mut pairs = self.context.clone();
        pairs.insert("object".to_owned(), object.to_owned());
        let context = EncryptionContext::new(pairs.clone())?;
        let message = Message::begin(&self.keys, &context, self.suite, self.frame_bytes).await?;
        Ok((message, pairs))
    }
}

/// A message, and the encryption context that its object is bound to.
type Begun = (Message, BTreeMap<String, String>);

/// The messages of data objects, each begun while the object before it is written.
#[derive(Debug)]
pub(super) struct Messages {
    sealing: Arc<Sealing>,
    ahead: Option<(String, Ahead)>,
}

/// A message that is begun before it is asked for.
#[derive(Debug)]
enum Ahead {
    Ready(Box<Begun>),
    Fetching(AbortOnDropHandle<Result<Begun>>),
}

impl Messages {
    /// Asks for the data key of the first object: a key that cannot be used fails here.
    pub(super) async fn begin(sealing: &Arc<Sealing>, first: String) -> Result<Self> {
        let begun = sealing.message(&first).await?;
        Ok(Self { sealing: Arc::clone(sealing), ahead: Some((first, Ahead::Ready(Box::new(begun)))) })
    }

    /// The message of this object.
    async fn next(&mut self, object: &str) -> Result<Begun> {
        match self.ahead.take() {
            Some((name, ahead)) if name == object => ahead.take().await,
            _ => self.sealing.message(object).await,
        }
    }

    /// Begins to ask for the data key of an object that comes next.
    fn fetch(&mut self, object: String) {
        let (sealing, name) = (Arc::clone(&self.sealing), object.clone());
        let task = tokio::spawn(async move { sealing.message(&name).await });
        self.ahead = Some((object, Ahead::Fetching(AbortOnDropHandle::new(task))));
    }
}

impl Ahead {
    async fn take(self) -> Result<Begun> {
        match self {
            Self::Ready(begun) => Ok(*begun),
            Self::Fetching(task) => task.await.map_err(|ended| join_error(&ended))?,
        }
    }
}

/// Where the bytes of data objects go.
#[derive(Debug)]
pub(super) struct Sinks {
    pool: Pool,
    messages: Option<Messages>,
}

impl Sinks {
    /// Sinks that seal if there are messages.
    pub(super) fn new(pool: Pool, messages: Option<Messages>) -> Self {
        Self { pool, messages }
    }

    /// The sink of an object that is uploaded; `next` is the name of the one after it, if one may come.
    pub(super) async fn begin(&mut self, mut upload: PartUpload, next: Option<String>) -> Result<Sink> {
        let Some(messages) = &mut self.messages else { return Ok(Sink::Plain(Box::new(upload))) };
        let (message, context) = messages.next(upload.name()).await?;
        if let Some(next) = next {
            messages.fetch(next);
        }
        let (header, frames, signer) = message.into_parts();
        upload.write(header, ()).await?;
        Ok(Sink::Sealed(SealedSink::new(self.pool.clone(), upload, frames, signer, context)))
    }
}

/// Where the bytes of one data object go.
pub(super) enum Sink {
    /// To the store.
    Plain(Box<PartUpload>),
    /// To the store, sealed on their way.
    Sealed(SealedSink),
}

impl Sink {
    /// Takes the next bytes, and their share of the budget.
    pub(super) async fn write(&mut self, bytes: Bytes, hold: Option<Hold>) -> Result<()> {
        match self {
            Self::Plain(upload) => upload.write(bytes, hold).await,
            Self::Sealed(sink) => sink.write(bytes, hold).await,
        }
    }

    /// Waits until the store has all bytes.
    pub(super) async fn finish(self) -> Result<(Uploaded, Option<SealedPart>)> {
        match self {
            Self::Plain(upload) => Ok((upload.finish().await?, None)),
            Self::Sealed(sink) => sink.finish().await.map(|(uploaded, sealed)| (uploaded, Some(sealed))),
        }
    }
}

/// A run of frames and the share of the budget that its bytes have.
type Work = (Run, Option<Hold>);

/// Seals and uploads; one that is given up may take the end of its input for that of the object, which nobody hears.
type UploadTask = AbortOnDropHandle<Result<Uploaded>>;

/// Cuts an object into frames; a task of its own seals and uploads them, so that nothing waits for the next bytes.
pub(super) struct SealedSink {
    task: UploadTask,
    sender: mpsc::Sender<Work>,
    cutter: Cutter,
    context: BTreeMap<String, String>,
    plain_bytes: u64,
}

impl SealedSink {
    fn new(
        pool: Pool,
        upload: PartUpload,
        frames: FrameSealer,
        signer: Option<Signer>,
        context: BTreeMap<String, String>,
    ) -> Self {
        let cutter = Cutter::new(frames.frame_bytes());
        let (sender, receiver) = mpsc::channel(WAITING);
        let sealed = sealed(pool.clone(), receiver, frames);
        let task = AbortOnDropHandle::new(tokio::spawn(upload_all(pool, sealed, upload, signer)));
        Self { task, sender, cutter, context, plain_bytes: 0 }
    }

    async fn write(&mut self, bytes: Bytes, hold: Option<Hold>) -> Result<()> {
        self.plain_bytes += bytes.len() as u64;
        match self.cutter.push(bytes) {
            Some(run) => send(&self.sender, &mut self.task, (run, hold)).await,
            None => Ok(()),
        }
    }

    async fn finish(self) -> Result<(Uploaded, SealedPart)> {
        let Self { mut task, sender, cutter, context, plain_bytes } = self;
        send(&sender, &mut task, (cutter.finish(), None)).await?;
        drop(sender);
        let uploaded = task.await.map_err(|ended| join_error(&ended))??;
        Ok((uploaded, SealedPart::new(context, plain_bytes)))
    }
}

async fn send(sender: &mpsc::Sender<Work>, task: &mut UploadTask, work: Work) -> Result<()> {
    if sender.send(work).await.is_ok() {
        return Ok(());
    }
    // The task takes no more: it has failed, and says why.
    match task.await {
        Ok(Err(error)) => Err(error),
        Ok(Ok(_)) => Err(Cause::Cancelled.into()),
        Err(ended) => Err(join_error(&ended)),
    }
}

/// Sealed runs in the order of the input.
fn sealed(
    pool: Pool,
    mut receiver: mpsc::Receiver<Work>,
    frames: FrameSealer,
) -> impl Stream<Item = Result<(Bytes, Option<Hold>)>> + Send {
    let input = stream::poll_fn(move |context| receiver.poll_recv(context)).map(Ok);
    let at_once = pool.threads();
    ordered(pool, at_once, input, move |(run, mut hold): Work| {
        let mut out = Vec::new();
        run.seal(&frames, &mut out)?;
        drop(run);
        if let Some(hold) = &mut hold {
            hold.resize(out.len() as u64);
        }
        Ok((Bytes::from(out), hold))
    })
}

async fn upload_all(
    pool: Pool,
    sealed: impl Stream<Item = Result<(Bytes, Option<Hold>)>> + Send,
    mut upload: PartUpload,
    mut signer: Option<Signer>,
) -> Result<Uploaded> {
    let mut sealed = std::pin::pin!(sealed);
    while let Some((bytes, hold)) = sealed.try_next().await? {
        if let Some(mut signing) = signer.take() {
            let piece = bytes.clone();
            let work = move || {
                signing.update(&piece);
                Ok(signing)
            };
            signer = Some(pool.run(work).await?);
        }
        upload.write(bytes, hold).await?;
    }
    if let Some(signer) = signer {
        let mut footer = Vec::new();
        signer.finish(&mut footer)?;
        upload.write(footer.into(), ()).await?;
    }
    upload.finish().await
}

fn join_error(ended: &JoinError) -> Error {
    if ended.is_panic() { Cause::Panicked.into() } else { Cause::Cancelled.into() }
}
