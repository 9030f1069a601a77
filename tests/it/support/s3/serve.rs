//! The answers of the server: what is noted of a request, which faults it meets, and what the file system does.

use std::io;
use std::sync::Arc;

use futures::future::OptionFuture;
use hyper::body::Incoming;
use hyper::http::{Method, Request, Response};
use hyper::service::service_fn;
use s3s::Body;
use s3s::service::S3Service;
use tokio::net::TcpListener;

use super::fault::plain;
use super::{Answer, S3Call, State};
use crate::support::connections;

/// Answers whoever connects.
pub(super) async fn serve(listener: TcpListener, service: S3Service, state: Arc<State>) {
    // A task of its own for each request: what was begun is done, also when the client goes away.
    let handler = service_fn(move |request| {
        let answer = tokio::spawn(answer(service.clone(), Arc::clone(&state), request));
        async { answer.await.map_err(io::Error::other)? }
    });
    connections::serve(listener, handler).await;
}

async fn answer(
    service: S3Service,
    state: Arc<State>,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let _pending = Pending::of(&state);
    let call = call_of(&request);
    state.headers.lock().unwrap().push((call, request.headers().clone()));
    if matches!(call, S3Call::Create | S3Call::Put) {
        let header = |name: &str| Some(request.headers().get(name)?.to_str().unwrap().to_owned());
        let names = ["", "-aws-kms-key-id", "-bucket-key-enabled"];
        let found = names.map(|name| header(&format!("x-amz-server-side-encryption{name}")));
        state.encryptions.lock().unwrap().push(found);
    }
    let session = request.headers().get("x-amz-security-token");
    let session = session.map(|token| token.to_str().unwrap().to_owned());
    state.requests.lock().unwrap().push((request.uri().path().to_owned(), session));
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
    let fault = state.note(call, key);
    if let Some(answer) = OptionFuture::from(fault.map(Answer::instead)).await.flatten() {
        return answer;
    }
    // The file system behind the server would make the bucket.
    if !state.root.path().join(bucket).is_dir() {
        let mut missing = plain(404);
        *missing.body_mut() = Body::from("<Error><Code>NoSuchBucket</Code></Error>".to_owned());
        return Ok(missing);
    }
    let query = request.uri().query().unwrap_or_default();
    let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let is_conditional =
        request.headers().contains_key("if-match") || request.headers().contains_key("if-none-match");
    let one_at_a_time = if is_conditional { Some(state.conditional.lock().await) } else { None };
    let gate = Arc::clone(&state.gate);
    let request =
        request.map(|body| if call == S3Call::PutPart { gate.through(body) } else { Body::from(body) });
    let done = service.call(request).await.unwrap_or_else(|_error| plain(500));
    drop(one_at_a_time);
    let done = state.uploads.follow(call, (key, &query), done).await;
    match fault {
        Some(fault) => fault.after(done).await,
        None => Ok(done),
    }
}

/// A request that is being answered.
struct Pending(Arc<State>);

impl Pending {
    fn of(state: &Arc<State>) -> Self {
        state.pending.send_modify(|pending| *pending += 1);
        Self(Arc::clone(state))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.pending.send_modify(|pending| *pending -= 1);
    }
}

fn call_of<B>(request: &Request<B>) -> S3Call {
    let query = request.uri().query().unwrap_or("");
    let has = |key: &str| query.split('&').any(|pair| pair.split('=').next() == Some(key));
    match *request.method() {
        Method::POST if has("uploads") => S3Call::Create,
        Method::POST if has("uploadId") => S3Call::Complete,
        Method::POST if has("delete") => S3Call::Delete,
        Method::PUT if has("uploadId") => S3Call::PutPart,
        Method::PUT => S3Call::Put,
        Method::DELETE if has("uploadId") => S3Call::Abort,
        Method::DELETE => S3Call::Delete,
        Method::GET if has("uploads") => S3Call::ListOpen,
        Method::GET if has("list-type") => S3Call::List,
        Method::GET => S3Call::Get,
        Method::HEAD => S3Call::Head,
        _ => S3Call::Other,
    }
}
