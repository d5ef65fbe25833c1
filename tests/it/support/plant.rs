//! Wrong rows in a view's table, as a wrong refresh would leave them.

use lakeport::lake::{Commit, CommitMode, CommitOutcome, Published, Run, RunKind};
use lakeport::name::RelationName;
use lakeport::session::Services;

/// Adds the rows a view holds once more, with a run's mark, and publishes that.
pub async fn double_rows(services: &Services, view: &str) {
    let view: RelationName = view.parse().unwrap();
    let lake = &services.lake;
    let base = lake.newest(&lake.location(&view)).await.unwrap().unwrap();
    let mut writer = lake.writer(base.location(), &base.spec()).unwrap();
    for batch in base.read().await.unwrap() {
        writer.write(batch).await.unwrap();
    }
    let run = Run::start(RunKind::Refresh);
    let commit = Commit {
        location: base.location().clone(),
        spec: base.spec(),
        base: Some(base),
        mode: CommitMode::Append,
        files: writer.finish().await.unwrap(),
        progress: Vec::new(),
        run: Some(run.id),
        operation: "REFRESH",
    };
    let table = match lake.commit(commit).await.unwrap() {
        CommitOutcome::Committed(table) => table,
        CommitOutcome::Conflict(why) => panic!("conflict: {why}"),
    };
    let state = services.catalog.at(&lake.epoch()).await.unwrap();
    let row = Published {
        relation_id: state.relation(&view).unwrap().id,
        location: table.location().clone(),
        version: table.version(),
        read_only: false,
    };
    lake.publish(&run, vec![row]).await.unwrap();
}
