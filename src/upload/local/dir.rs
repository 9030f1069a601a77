//! An open directory: every file is reached through it, so that no path is resolved twice.
//!
//! Names are single segments and links are not followed: what is done through a [`Dir`] stays in it. It
//! knows nothing of snapshots.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir as Entries, FileType, Mode, OFlags};
use rustix::io::Errno;

/// Files of an export are for their owner only: they hold personal data.
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A named pipe or a device in the place of a file must not block the opening.
const PLAIN: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// Whether everything in a file system can be forced to the disk at once.
pub(super) const CAN_SYNC_ALL: bool = cfg!(any(target_os = "linux", target_os = "android"));

#[derive(Debug)]
pub(super) struct Dir {
    fd: OwnedFd,
}

impl Dir {
    /// Opens the directory that the path leads to, links included.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { fd: rustix::fs::openat(CWD, path, DIRECTORY, Mode::empty())? })
    }

    /// Opens a directory whose own name is no link.
    pub(super) fn open_itself(path: &Path) -> io::Result<Self> {
        Ok(Self { fd: rustix::fs::openat(CWD, path, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())? })
    }

    pub(super) fn child(&self, name: &str) -> io::Result<Self> {
        Ok(Self { fd: rustix::fs::openat(&self.fd, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())? })
    }

    /// Makes a directory for its owner only, unless it is there.
    pub(super) fn make_child(&self, name: &str) -> io::Result<Self> {
        match rustix::fs::mkdirat(&self.fd, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => self.child(name),
            Err(error) => Err(error.into()),
        }
    }

    /// Creates an empty file where nothing is.
    pub(super) fn create(&self, name: &str) -> io::Result<File> {
        self.file(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)
    }

    pub(super) fn open_to_write(&self, name: &str) -> io::Result<File> {
        self.file(name, OFlags::WRONLY)
    }

    /// Opens a plain file to read it; `None` where there is none.
    pub(super) fn open_to_read(&self, name: &str) -> io::Result<Option<File>> {
        match self.file(name, OFlags::RDONLY) {
            Ok(file) => Ok(file.metadata()?.is_file().then_some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        Ok(File::from(rustix::fs::openat(&self.fd, name, flags | PLAIN, FILE_MODE)?))
    }

    /// The size of a plain file; `None` where there is none.
    pub(super) fn size(&self, name: &str) -> io::Result<Option<u64>> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_file() => {
                Ok(Some(u64::try_from(stat.st_size).unwrap_or(0)))
            }
            Ok(_) | Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The names of the plain files, in their order; names that are not UTF-8 are not ours.
    pub(super) fn files(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Entries::read_from(&self.fd)? {
            let entry = entry?;
            if let Some(name) = plain_name(entry.file_name())
                && self.is_file(name, entry.file_type())?
            {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn is_file(&self, name: &str, listed: FileType) -> io::Result<bool> {
        // Some file systems do not say.
        if listed == FileType::Unknown { Ok(self.size(name)?.is_some()) } else { Ok(listed.is_file()) }
    }

    /// Moves a file to a name that nothing has, in one step.
    pub(super) fn move_new(&self, name: &str, to: &Self, new_name: &str) -> io::Result<()> {
        match self.rename_new(name, to, new_name) {
            Err(error) if is_unsupported(&error) => {
                rustix::fs::linkat(&self.fd, name, &to.fd, new_name, AtFlags::empty())?;
                self.remove(name)
            }
            done => done,
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    fn rename_new(&self, name: &str, to: &Self, new_name: &str) -> io::Result<()> {
        let flags = rustix::fs::RenameFlags::NOREPLACE;
        Ok(rustix::fs::renameat_with(&self.fd, name, &to.fd, new_name, flags)?)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    fn rename_new(&self, _: &str, _: &Self, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Moves a file to a name, in one step, in the place of what has it.
    pub(super) fn move_over(&self, name: &str, to: &Self, new_name: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.fd, name, &to.fd, new_name)?)
    }

    /// Removes a file; what is gone already is no error.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a directory if it is empty, and says whether it is gone.
    pub(super) fn remove_empty_child(&self, name: &str) -> io::Result<bool> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(true),
            Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until the names in the directory are on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        match rustix::fs::fsync(&self.fd) {
            // Some file systems cannot sync a directory, and have nothing to sync.
            Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Dir {
    /// Waits until everything in the file system is on the disk.
    pub(super) fn sync_all(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.fd)?)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl Dir {
    pub(super) fn sync_all(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn plain_name(name: &CStr) -> Option<&str> {
    name.to_str().ok().filter(|name| !matches!(*name, "." | ".."))
}

/// Whether the file system, or the system, has no rename that refuses to replace.
fn is_unsupported(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    error.kind() == io::ErrorKind::Unsupported || matches!(errno, Some(Errno::INVAL | Errno::NOSYS))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn dir() -> (tempfile::TempDir, Dir) {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::open(temp.path()).unwrap();
        (temp, dir)
    }

    #[test]
    fn a_move_never_replaces() {
        let (temp, dir) = dir();
        dir.create("a").unwrap().write_all(b"new").unwrap();
        dir.create("b").unwrap().write_all(b"old").unwrap();
        let error = dir.move_new("a", &dir, "b").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(temp.path().join("b")).unwrap(), b"old");
        dir.move_new("a", &dir, "c").unwrap();
        assert_eq!(dir.files().unwrap(), ["b", "c"]);
    }

    #[test]
    fn links_are_neither_followed_nor_listed() {
        let (temp, dir) = dir();
        let outside = tempfile::tempdir().unwrap();
        let target = outside.path().join("target");
        std::fs::write(&target, "untouched").unwrap();
        std::os::unix::fs::symlink(&target, temp.path().join("file")).unwrap();
        std::os::unix::fs::symlink(outside.path(), temp.path().join("dir")).unwrap();
        assert!(dir.open_to_write("file").is_err());
        assert!(dir.open_to_read("file").is_err());
        assert!(dir.make_child("dir").is_err());
        assert!(dir.files().unwrap().is_empty());
        assert_eq!(std::fs::read(target).unwrap(), b"untouched");
    }
}
