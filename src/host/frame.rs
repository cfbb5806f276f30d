//! Messages on a stream: four bytes of length, big-endian, then JSON.
//!
//! One idea: whatever comes is bounded before it is read, so that neither side can be made to hold what the other sends.

use std::io;

use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest message. A page of rows is the largest that there is.
const LONGEST: usize = 64 << 20;

/// Why a conversation cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("{0}")]
    Stream(#[from] io::Error),
    #[error("a message of {0} bytes is longer than any may be; are both of the same version?")]
    TooLong(usize),
    #[error("a message is not understood ({0}); are both of the same version?")]
    Garbled(#[from] serde_json::Error),
}

pub(super) async fn write<T: Serialize>(stream: &mut (impl AsyncWrite + Unpin), message: &T) -> Result<(), FrameError> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= LONGEST);
    let length = length.ok_or(FrameError::TooLong(body.len()))?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(&body).await?;
    stream.flush().await?;
    Ok(())
}

/// The next message; `None` where the other side has closed the stream between two of them.
pub(super) async fn read<T: DeserializeOwned>(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<T>, FrameError> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length[..1]).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    };
    stream.read_exact(&mut length[1..]).await?;
    let length = u32::from_be_bytes(length) as usize;
    if length > LONGEST {
        return Err(FrameError::TooLong(length));
    }
    let mut body = Vec::new();
    // Grows with what really comes, whatever was announced.
    stream.take(length as u64).read_to_end(&mut body).await?;
    if body.len() < length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(Some(serde_json::from_slice(&body)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_come_as_they_went_and_an_end_is_no_error() {
        let (mut near, mut far) = tokio::io::duplex(16);
        let sent = vec!["a".repeat(1_000), String::new()];
        let going = sent.clone();
        let task = tokio::spawn(async move {
            for text in &going {
                write(&mut near, text).await.unwrap();
            }
        });
        for text in &sent {
            assert_eq!(read::<String>(&mut far).await.unwrap().as_ref(), Some(text));
        }
        task.await.unwrap();
        assert_eq!(read::<String>(&mut far).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_message_is_an_error_and_takes_no_memory() {
        for (bytes, says) in [
            (b"\xff\xff\xff\xffx".as_slice(), "longer than any"),
            (b"\0\0\0\x05ab", "end of file"),
            (b"\0\0", "eof"),
            (b"\0\0\0\x02{]", "not understood"),
        ] {
            let error = read::<String>(&mut &bytes[..]).await.unwrap_err().to_string();
            assert!(error.contains(says), "{bytes:?}: {error}");
        }
    }
}
