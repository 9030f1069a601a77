//! An S3 server that checks signatures and checksums, and keeps upload parts as files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use futures::StreamExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use s3s::auth::SimpleAuth;
use s3s::dto::{
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput,
    PutObjectInput, PutObjectOutput, StreamingBlob, UploadPartInput, UploadPartOutput,
};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

pub(crate) const BUCKET: &str = "bucket";
pub(crate) const ACCESS_KEY: &str = "bench-access-key";
pub(crate) const SECRET_KEY: &str = "bench-secret-key";

/// What was put, and where upload parts lie.
#[derive(Default)]
struct Kept {
    root: PathBuf,
    small: Mutex<BTreeMap<String, Vec<u8>>>,
    uploads: AtomicUsize,
}

/// Listens on a free port, says on stdout where, and serves for ever.
#[expect(clippy::print_stdout, reason = "the process that started this one reads it")]
pub(crate) fn serve(root: PathBuf) {
    let mut builder = S3ServiceBuilder::new(Kept { root, ..Kept::default() });
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    let service = builder.build();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        println!("http://{}", listener.local_addr().unwrap());
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let service: S3Service = service.clone();
            tokio::spawn(async move {
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                // A client that goes away is none of our business.
                drop(server.serve_connection(TokioIo::new(socket), service).await);
            });
        }
    });
}

#[async_trait::async_trait]
impl S3 for Kept {
    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let id = self.uploads.fetch_add(1, Ordering::Relaxed).to_string();
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(request.input.bucket),
            key: Some(request.input.key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let name = format!("{}-{}", request.input.upload_id, request.input.part_number);
        let body = request.input.body.ok_or_else(|| s3_error!(IncompleteBody))?;
        let checksum = write(&self.root.join(&name), body).await?;
        if request.input.checksum_crc64nvme != Some(checksum) {
            return Err(s3_error!(BadDigest));
        }
        let e_tag = Some(ETag::Strong(name));
        Ok(S3Response::new(UploadPartOutput { e_tag, ..UploadPartOutput::default() }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let e_tag = Some(ETag::Strong(request.input.upload_id));
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            e_tag,
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let mut body = request.input.body.ok_or_else(|| s3_error!(IncompleteBody))?;
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece.map_err(|_error| s3_error!(IncompleteBody))?);
        }
        let e_tag = Some(ETag::Strong(format!("{:x}", bytes.len())));
        self.small.lock().unwrap().insert(request.input.key, bytes);
        Ok(S3Response::new(PutObjectOutput { e_tag, ..PutObjectOutput::default() }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let small = self.small.lock().unwrap();
        let bytes = small.get(&request.input.key).ok_or_else(|| s3_error!(NoSuchKey))?.clone();
        Ok(S3Response::new(GetObjectOutput {
            content_length: Some(bytes.len().try_into().unwrap()),
            e_tag: Some(ETag::Strong(format!("{:x}", bytes.len()))),
            body: Some(StreamingBlob::from(Body::from(bytes))),
            ..GetObjectOutput::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let small = self.small.lock().unwrap();
        let bytes = small.get(&request.input.key).ok_or_else(|| s3_error!(NoSuchKey))?;
        let content_length = Some(bytes.len().try_into().unwrap());
        Ok(S3Response::new(HeadObjectOutput { content_length, ..HeadObjectOutput::default() }))
    }
}

/// Writes a file; gives its CRC-64/NVME as S3 has it in headers.
async fn write(path: &Path, mut body: StreamingBlob) -> S3Result<String> {
    let mut file = tokio::fs::File::create(path).await.map_err(|_error| s3_error!(InternalError))?;
    file.set_max_buf_size(1 << 20);
    let mut checksum = crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme);
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|_error| s3_error!(IncompleteBody))?;
        checksum.update(&piece);
        file.write_all(&piece).await.map_err(|_error| s3_error!(InternalError))?;
    }
    file.flush().await.map_err(|_error| s3_error!(InternalError))?;
    Ok(STANDARD.encode(checksum.finalize().to_be_bytes()))
}
