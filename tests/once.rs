//! Folders that are made once and kept, such as installations below `target/`.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Has a folder filled by `fill`, unless that was completed before. Several processes may come here at once.
///
/// # Errors
/// Those of `fill`, and of making the folder: then it is made anew the next time.
pub fn fill_once<E: From<io::Error>>(
    folder: &Path,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let mut beside = folder.as_os_str().to_owned();
    beside.push(".lock");
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    let lock = File::create(beside)?;
    lock.lock()?;
    let ready = folder.join(".ready");
    if ready.exists() {
        return Ok(());
    }
    if folder.exists() {
        // What a broken attempt left.
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir(folder)?;
    fill(folder)?;
    Ok(fs::write(ready, "")?)
}
