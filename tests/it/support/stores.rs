//! The part stores that must all behave alike, each over an empty place.

use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::path::Path;
use segment_export::upload::{LocalParts, ObjectParts, PartStore};

use super::s3::S3Server;

/// An empty place for a snapshot.
#[derive(Debug)]
pub(crate) enum Place {
    Local(tempfile::TempDir),
    Memory(InMemory),
    S3(S3Server),
    #[cfg(feature = "gcp")]
    Gcs(super::gcs::GcsServer),
    #[cfg(feature = "azure")]
    Azure(super::azure::Container),
}

impl Place {
    /// One of each kind.
    pub(crate) async fn all() -> Vec<Self> {
        let mut all = vec![Self::local(), Self::memory(), Self::S3(S3Server::start().await)];
        #[cfg(feature = "gcp")]
        all.push(Self::Gcs(super::gcs::GcsServer::start().await));
        all.extend(Self::azure());
        all
    }

    #[cfg(feature = "azure")]
    fn azure() -> Option<Self> {
        super::azure::Container::from_environment().map(Self::Azure)
    }

    #[cfg(not(feature = "azure"))]
    fn azure() -> Option<Self> {
        None
    }

    /// A directory.
    pub(crate) fn local() -> Self {
        Self::Local(tempfile::tempdir().unwrap())
    }

    /// A store in memory.
    pub(crate) fn memory() -> Self {
        Self::Memory(InMemory::new())
    }

    /// How many multipart uploads a server here knows of; 0 where it cannot be asked.
    pub(crate) fn open_uploads(&self) -> usize {
        match self {
            Self::S3(server) => server.open_uploads(),
            #[cfg(feature = "gcp")]
            Self::Gcs(server) => server.open_uploads(),
            #[cfg(feature = "azure")]
            Self::Azure(_) => 0,
            Self::Local(_) | Self::Memory(_) => 0,
        }
    }

    /// Whether the store tells of the uploads that another process began.
    pub(crate) fn tells_of_uploads(&self) -> bool {
        match self {
            Self::S3(_) | Self::Local(_) => true,
            #[cfg(feature = "gcp")]
            Self::Gcs(_) => true,
            #[cfg(feature = "azure")]
            Self::Azure(_) => false,
            Self::Memory(_) => false,
        }
    }

    /// A store of the snapshot, as another process would open it.
    pub(crate) fn open(&self) -> Arc<dyn PartStore> {
        match self {
            Self::Local(dir) => Arc::new(LocalParts::new(dir.path().join("out").join("snapshot"))),
            Self::Memory(memory) => Arc::new(ObjectParts::memory(memory, Path::from("out/snapshot"))),
            Self::S3(server) => Arc::new(server.parts("out/snapshot")),
            #[cfg(feature = "gcp")]
            Self::Gcs(server) => Arc::new(server.parts("out/snapshot")),
            #[cfg(feature = "azure")]
            Self::Azure(container) => Arc::new(container.parts("out/snapshot")),
        }
    }
}

/// The names of the visible objects.
pub(crate) async fn visible(store: &dyn PartStore) -> Vec<String> {
    store.list().await.unwrap().into_iter().map(|info| info.name).collect()
}
