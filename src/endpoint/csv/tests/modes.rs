//! A file that is replaced, whenever the power goes.

use super::*;

fn row(id: &str) -> Vec<Cell> {
    vec![text(id), text("new")]
}

const OLD: &str = "id,name\n1,\"old\"\n2,old";

async fn replacing(csv: &Csv) -> Box<dyn Loader> {
    csv.prepare().await.unwrap();
    let mut loader = loader(csv, &["id", "name"]).await;
    loader.begin().await.unwrap();
    loader.empty().await.unwrap();
    loader.write(&batch(&["id", "name"], &[row("5"), row("6")])).await.unwrap();
    loader
}

#[tokio::test]
async fn a_file_is_replaced_with_the_commit_or_not_at_all() {
    let fixture = Fixture::new(OLD, |_| {});
    let csv = fixture.destination().await;
    let mut loader = replacing(&csv).await;
    assert_eq!(fixture.text(), OLD, "nothing is seen before the commit");
    loader.rollback().await.unwrap();
    assert_eq!(fixture.text(), OLD);
    drop(replacing(&csv).await);
    assert_eq!(fixture.text(), OLD);
    let mut loader = replacing(&csv).await;
    loader.commit(&mark(0)).await.unwrap();
    assert_eq!(fixture.text(), "id,name\n5,new\n6,new\n");
    // The next chunk goes on where it is.
    loader.begin().await.unwrap();
    loader.write(&batch(&["id", "name"], &[row("7")])).await.unwrap();
    loader.commit(&mark(1)).await.unwrap();
    assert_eq!(fixture.text(), "id,name\n5,new\n6,new\n7,new\n");
    assert_eq!(csv.tables().await.unwrap().len(), 1);
    let names = fs::read_dir(fixture.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.map(|name| name.to_string_lossy().into_owned()).all(|name| !name.contains("replacing")));
}

#[tokio::test]
async fn a_head_alone_and_a_file_without_head_are_replaced_too() {
    for (old, header, expected) in [
        ("id,name", true, "id,name\n5,new\n6,new\n"),
        ("1,old\n2,old\n", false, "5,new\n6,new\n"),
        ("\u{feff}id,name\r\n1,x\r\n", true, "\u{feff}id,name\r\n5,new\n6,new\n"),
    ] {
        let fixture = Fixture::new(old, |options| options.header = header);
        let csv = fixture.destination().await;
        csv.prepare().await.unwrap();
        let table = csv.describe("t").await.unwrap();
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let mut loader = loader(&csv, &columns).await;
        loader.begin().await.unwrap();
        loader.empty().await.unwrap();
        loader.write(&batch(&columns, &[row("5"), row("6")])).await.unwrap();
        loader.commit(&mark(0)).await.unwrap();
        assert_eq!(fixture.text(), expected);
    }
}

/// The power goes after the mark is durable and before the new file has its name.
#[tokio::test]
async fn a_replacement_that_was_cut_off_behind_its_mark_is_brought_to_its_end() {
    for again in [false, true] {
        let fixture = Fixture::new(OLD, |_| {});
        let csv = fixture.destination().await;
        let folder = fixture.folder.path();
        replacing(&csv).await.commit(&mark(0)).await.unwrap();
        // As it stood a moment before.
        fs::rename(fixture.file(), folder.join(".t.csv.replacing")).unwrap();
        fs::write(fixture.file(), OLD).unwrap();
        sidecar::update(folder, |ledger| {
            ledger.files.get_mut("t.csv").unwrap().replacing = Some(".t.csv.replacing".into());
            Ok(())
        })
        .unwrap();
        let csv = fixture.destination().await;
        if again {
            csv.prepare().await.unwrap();
        } else {
            let mut loader = loader(&csv, &["id", "name"]).await;
            loader.begin().await.unwrap();
            loader.rollback().await.unwrap();
        }
        assert_eq!(fixture.text(), "id,name\n5,new\n6,new\n");
        assert_eq!(csv.marks(&mark(0).run).await.unwrap(), [mark(0)]);
    }
}

#[tokio::test]
async fn marks_go_when_nobody_needs_them() {
    let fixture = Fixture::new(OLD, |_| {});
    let csv = fixture.destination().await;
    csv.prepare().await.unwrap();
    load(&csv, 0, &["id", "name"], &[row("3")]).await;
    assert_eq!(csv.forget(&[RunId("other".into())]).await.unwrap(), 1);
    assert_eq!(csv.forget(&[mark(0).run]).await.unwrap(), 0);
    assert_eq!(fs::read_dir(fixture.folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_file_cannot_be_updated_by_key() {
    let fixture = Fixture::new(OLD, |_| {});
    let csv = fixture.destination().await;
    let table = csv.describe("t").await.unwrap();
    let options = LoadOptions { columns: vec!["id".into()], update_by: vec!["id".into()], ..LoadOptions::default() };
    assert!(csv.open(&table, &options).await.err().unwrap().to_string().contains("no rows to update"));
}
