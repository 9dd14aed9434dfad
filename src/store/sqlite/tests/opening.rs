//! What a data directory is made into, and which are refused.

use super::super::open::Place;
use super::super::schema::MIGRATIONS;
use super::{Options, ask, open};
use crate::contract::{backlog, commit, entry, ids, remove, wait, whole};
use crate::{Found, OpenError, Sqlite};
use kernel::ports::{Batch, LogId, Store};
use std::fs;
use std::path::Path;

fn refusal(directory: &Path) -> OpenError {
    match Sqlite::open(directory, Options::default()) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

/// A directory with one entry in its log.
fn used() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), Options::default());
    commit(&store, Batch::new().with(entry(1, &[1], "x")));
    directory
}

#[cfg(unix)]
#[test]
fn what_is_made_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("deep/data");
    let store = open(&data, Options::default());
    commit(&store, Batch::new().with(entry(1, &[1], "x")));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in fs::read_dir(&data).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_directory_in_use_is_refused() {
    let directory = used();
    let store = open(directory.path(), Options::default());
    assert!(matches!(refusal(directory.path()), OpenError::Locked(_)));
    store.close();
    drop(open(directory.path(), Options::default()));
}

#[test]
fn a_database_that_is_gone_is_missed() {
    let directory = used();
    let database = directory.path().join("stentor.db");
    fs::rename(&database, directory.path().join("elsewhere")).unwrap();
    let error = refusal(directory.path());
    assert!(matches!(error, OpenError::Missing(_)));
    assert!(error.to_string().contains("remove stentor.id"), "{error}");
    assert!(!database.exists(), "the refusal left a file");
    fs::write(&database, "").unwrap();
    assert!(matches!(refusal(directory.path()), OpenError::Emptied(_)));

    // As told: without the marker a new one is made.
    fs::remove_file(directory.path().join("stentor.id")).unwrap();
    let store = open(directory.path(), Options::default());
    assert_eq!(ids(&wait(store.page(whole(1))).unwrap()), [0; 0]);
}

#[test]
fn a_database_brought_without_its_marker_is_taken() {
    let directory = used();
    fs::remove_file(directory.path().join("stentor.id")).unwrap();
    let store = open(directory.path(), Options::default());
    assert_eq!(ids(&wait(store.page(whole(1))).unwrap()), [1]);
    assert!(directory.path().join("stentor.id").exists());
}

#[test]
fn a_newer_version_is_refused() {
    let directory = used();
    ask(directory.path(), "PRAGMA user_version = 99");
    let error = refusal(directory.path());
    assert!(matches!(error, OpenError::Newer(_, 99, known) if known == MIGRATIONS.len()), "{error}");
}

#[test]
fn damage_is_told_as_such() {
    let directory = used();
    fs::write(directory.path().join("stentor.db"), "not a database ".repeat(1_000)).unwrap();
    assert!(matches!(refusal(directory.path()), OpenError::Corrupt(..)));
    let mut header = b"SQLite format 3\0".to_vec();
    header.extend([0xff; 8_176]);
    fs::write(directory.path().join("stentor.db"), header).unwrap();
    assert!(matches!(refusal(directory.path()), OpenError::Corrupt(..)));
}

#[test]
fn another_programs_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    ask(directory.path(), "CREATE TABLE theirs (id)");
    assert!(matches!(refusal(directory.path()), OpenError::Foreign(_)));
    assert_eq!(ask(directory.path(), "SELECT count(*) FROM sqlite_schema"), [1]);
}

#[test]
fn a_file_in_place_of_the_directory_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("file");
    fs::write(&path, "").unwrap();
    assert!(matches!(refusal(&path), OpenError::Io(..)));
}

#[test]
fn a_migration_keeps_the_old_database() {
    let directory = used();
    let mut newer = MIGRATIONS.to_vec();
    newer.push("CREATE TABLE added (id); INSERT INTO added VALUES (7)");
    let migrate = |migrations: &[&str]| {
        Place::take(directory.path()).unwrap().connect(&Options::default(), migrations).map(drop)
    };
    migrate(&newer).unwrap();
    assert_eq!(ask(directory.path(), "SELECT id FROM added"), [7]);
    let backup = directory.path().join(format!("stentor-version-{}.db", MIGRATIONS.len()));
    let kept = rusqlite::Connection::open(backup).unwrap();
    let count = |sql| kept.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM frame"), 1);
    assert_eq!(count("SELECT count(*) FROM sqlite_schema WHERE name = 'added'"), 0);
    // Once is enough.
    migrate(&newer).unwrap();
    assert_eq!(ask(directory.path(), "SELECT id FROM added"), [7]);
    assert!(matches!(refusal(directory.path()), OpenError::Newer(..)));
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let directory = used();
    let mut broken = MIGRATIONS.to_vec();
    broken.extend(["CREATE TABLE added (id)", "CREATE TABLE frame (id)"]);
    let place = Place::take(directory.path()).unwrap();
    assert!(matches!(place.connect(&Options::default(), &broken), Err(OpenError::Sqlite(..))));
    drop(place);
    let store = open(directory.path(), Options::default());
    assert_eq!(ids(&wait(store.page(whole(1))).unwrap()), [1]);
    drop(store);
    assert_eq!(ask(directory.path(), "SELECT count(*) FROM sqlite_schema WHERE name = 'added'"), [0]);
}

/// Lists of the first versions were lists of what waits.
#[test]
fn lists_of_the_first_versions_wait() {
    for version in 1..=2 {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::take(directory.path()).unwrap();
        drop(place.connect(&Options::default(), &MIGRATIONS[..version]).unwrap());
        drop(place);
        // As a sweep left them that has got to the row of owner 2 and id 20.
        let connection = rusqlite::Connection::open(directory.path().join("stentor.db")).unwrap();
        let old = "INSERT INTO owner (id, name) VALUES (1, 'alice'), (2, 'bob');
                   INSERT INTO frame VALUES (10, 1, 2, x'aa'), (20, 2, NULL, x'bb'), (25, NULL, 2, x'cc'), (30, 1, NULL, x'dd');
                   INSERT INTO entry VALUES (1, 10), (2, 10), (2, 20);
                   UPDATE meta SET value = 10";
        connection.execute_batch(old).unwrap();
        drop(connection);
        let store = open(directory.path(), super::hasty());
        let waiting = |owner| ids(&wait(store.page(backlog(owner))).unwrap());
        assert_eq!((waiting(1), waiting(2)), (vec![10, 30], vec![10, 20, 25]));
        assert_eq!(wait(store.page(whole(1))).unwrap().entries, []);
        assert_eq!(wait(store.newest()), Ok(Some(LogId(30))));
        commit(&store, Batch::new().with(remove(2, &[10, 20, 25])).with(remove(1, &[10])));
        assert_eq!((waiting(1), waiting(2)), (vec![30], vec![]));
        drop(store);
        assert_eq!(ask(directory.path(), "SELECT id FROM frame"), [30]);
        assert_eq!(ask(directory.path(), "SELECT id FROM entry"), [0; 0]);
    }
}

/// All files with what is in them.
fn contents(directory: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    let mut all: Vec<_> = files.map(|path| (path.clone(), fs::read(&path).unwrap())).collect();
    all.sort();
    all
}

#[test]
fn inspecting_comes_to_the_same_as_opening_and_leaves_no_trace() {
    let parent = tempfile::tempdir().unwrap();
    let inspect = |path: &Path| Sqlite::inspect(path);
    assert_eq!(inspect(&parent.path().join("not/yet")).unwrap(), Found::Nothing);
    assert!(!parent.path().join("not").exists());
    fs::write(parent.path().join("file"), "").unwrap();
    let below_a_file = parent.path().join("file/data");
    assert!(matches!(inspect(&below_a_file), Err(OpenError::Io(..))));
    assert!(matches!(refusal(&below_a_file), OpenError::Io(..)));

    let directory = used();
    let data = directory.path();
    let before = contents(data);
    assert_eq!(inspect(data).unwrap(), Found::Database);
    assert_eq!(contents(data), before);
    let store = open(data, Options::default());
    assert_eq!(inspect(data).unwrap(), Found::InUse);
    drop(store);

    let database = data.join("stentor.db");
    let good = fs::read(&database).unwrap();
    ask(data, "PRAGMA user_version = 77");
    assert!(matches!(inspect(data), Err(OpenError::Newer(_, 77, _))));
    ask(data, "PRAGMA application_id = 1");
    assert!(matches!(inspect(data), Err(OpenError::Foreign(_))));
    assert!(matches!(refusal(data), OpenError::Foreign(_)));
    fs::write(&database, "x".repeat(5000)).unwrap();
    assert!(matches!(inspect(data), Err(OpenError::Corrupt(..))));
    fs::write(&database, "").unwrap();
    assert!(matches!(inspect(data), Err(OpenError::Emptied(_))));
    // A database, but nothing has ever been in it.
    rusqlite::Connection::open(&database).unwrap().pragma_update(None, "journal_mode", "wal").unwrap();
    assert!(matches!(refusal(data), OpenError::Emptied(_)));
    assert!(matches!(inspect(data), Err(OpenError::Emptied(_))));
    fs::remove_file(&database).unwrap();
    assert!(matches!(inspect(data), Err(OpenError::Missing(_))));
    fs::write(&database, good).unwrap();
    assert_eq!(inspect(data).unwrap(), Found::Database);
}

#[test]
fn a_database_whose_beginning_is_in_its_log_alone_is_no_stranger() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), Options::default());
    commit(&store, Batch::new().with(entry(1, &[1], "x")));
    // As a crash would leave it.
    let crashed = tempfile::tempdir().unwrap();
    for (path, bytes) in contents(directory.path()) {
        fs::write(crashed.path().join(path.file_name().unwrap()), bytes).unwrap();
    }
    assert!(crashed.path().join("stentor.db-wal").metadata().unwrap().len() > 0);
    assert!(Sqlite::inspect(crashed.path()).is_ok());
    drop(open(crashed.path(), Options::default()));
}
