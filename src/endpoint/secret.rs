//! Secrets, fetched when a side is opened and kept nowhere.

use tokio::process::Command;

use super::{EndpointError, ErrorKind, Result};
use crate::plan::SecretRef;

/// The secret that the reference names; `None` where it is to be asked for and nobody was.
pub(super) async fn read(secret: &SecretRef) -> Result<Option<String>> {
    let failed = |message: String| EndpointError::new(ErrorKind::Authentication, "cannot get the password", message);
    let text = match secret {
        SecretRef::Ask => return Ok(None),
        SecretRef::Env(name) => {
            std::env::var(name).map_err(|_| failed(format!("the environment variable {name} is not set")))?
        }
        SecretRef::File(path) => {
            tokio::fs::read_to_string(path).await.map_err(|error| failed(format!("{path}: {error}")))?
        }
        SecretRef::Command(line) => {
            let output = Command::new("sh").arg("-c").arg(line).output().await;
            let output = output.map_err(|error| failed(format!("the command does not start: {error}")))?;
            if !output.status.success() {
                return Err(failed(format!("the command ended with {}", output.status)));
            }
            String::from_utf8(output.stdout).map_err(|_| failed("the command printed no UTF-8".into()))?
        }
    };
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn secrets_come_from_files_and_commands_without_their_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "s3cret \n").unwrap();
        let file = SecretRef::File(path.display().to_string());
        assert_eq!(read(&file).await.unwrap().as_deref(), Some("s3cret "));
        let command = SecretRef::Command("printf 'a b\\r\\n'".into());
        assert_eq!(read(&command).await.unwrap().as_deref(), Some("a b"));
    }

    #[tokio::test]
    async fn a_missing_secret_says_where_it_was_looked_for() {
        let error = read(&SecretRef::Env("WHIMBREL_NO_SUCH".into())).await.unwrap_err().to_string();
        assert!(error.contains("WHIMBREL_NO_SUCH is not set"), "{error}");
        let error = read(&SecretRef::Command("echo hidden >&2; exit 3".into())).await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && !error.contains("hidden"), "{error}");
    }
}
