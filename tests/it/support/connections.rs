//! The connections of a server in the process.

use std::error::Error;

use hyper::body::Incoming;
use hyper::http::{Request, Response};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo};
use s3s::Body;
use tokio::net::TcpListener;

/// Answers whoever connects with what a service says.
pub(super) async fn serve<S>(listener: TcpListener, service: S)
where
    S: Service<Request<Incoming>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
{
    loop {
        let Ok((socket, _)) = listener.accept().await else { return };
        let service = service.clone();
        tokio::spawn(async move {
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            // A client that goes away is none of our business.
            drop(server.serve_connection(TokioIo::new(socket), service).await);
        });
    }
}
