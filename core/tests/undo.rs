//! Repairs that wait for a person, and repairs that a person takes back.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use remediate_core::change::{Change, Inverse, Outcome};
use remediate_core::fault::{Fault, FaultClass};
use remediate_core::function::{
    Function, Grouping, Plan, Receipt, Recovery, Statement, WriteGrant,
};
use remediate_core::ledger::sqlite::SqliteLedger;
use remediate_core::ledger::{ChangeStatus, Event, HistoryQuery, Ledger, LedgerRead, Retention};
use remediate_core::runner::{Report, RunError, Runner, UndoError};
use remediate_core::{
    ChangeId, Evidence, Finding, FunctionName, Incident, Mode, Severity, Source, Subject, Task,
    Verdict,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A world of doors that should be shut.
#[derive(Clone, Default)]
struct Doors(Arc<Mutex<BTreeMap<String, String>>>);

impl Doors {
    fn set(&self, door: &str, state: &str) {
        self.0.lock().unwrap().insert(door.into(), state.into());
    }

    fn get(&self, door: &str) -> String {
        self.0
            .lock()
            .unwrap()
            .get(door)
            .cloned()
            .unwrap_or_default()
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Turn {
    door: String,
    from: String,
    to: String,
}

#[derive(Debug, thiserror::Error)]
#[error("the door is stuck")]
struct Stuck;

impl Fault for Stuck {
    fn class(&self) -> FaultClass {
        FaultClass::Permanent
    }
}

struct Porter {
    doors: Doors,
    held: bool,
    /// Whether a turn ends in an error, and if it does, whether the door is turned all the same.
    fails: Option<bool>,
    /// Looks at the door that fail once it was turned.
    blind: Arc<Mutex<usize>>,
}

fn turn(finding: &Finding, from: &str, to: &str) -> Change<Turn> {
    let door = finding.subject.search_key().to_owned();
    Change {
        id: ChangeId::fresh(),
        function: FunctionName::from(Porter::NAME),
        rule: finding.rule.clone(),
        fingerprints: vec![finding.fingerprint()],
        target: door.clone(),
        summary: format!("{door}: {from} to {to}"),
        before: json!(from),
        after: json!(to),
        notes: Vec::new(),
        effect: Turn {
            door,
            from: from.into(),
            to: to.into(),
        },
    }
}

#[async_trait]
impl Function for Porter {
    type State = Vec<String>;
    type Effect = Turn;
    type Reader = Doors;
    type Writer = Doors;
    type Error = Stuck;

    const NAME: &'static str = "remediate-aws";
    const GROUPING: Grouping = Grouping::PerResource;

    fn reader(&self) -> Doors {
        self.doors.clone()
    }

    fn writer(&self, _: &WriteGrant) -> Doors {
        self.doors.clone()
    }

    fn absorb(&self, _: &Task, _: &mut Vec<String>, _: Timestamp) {}

    async fn plan(
        &self,
        task: &Task,
        _: &Vec<String>,
        doors: &Doors,
        _: Timestamp,
    ) -> Result<Plan<Turn>, Stuck> {
        let finding = &task.findings()[0];
        let now = doors.get(finding.subject.search_key());
        if now == "shut" {
            let mut blind = self.blind.lock().unwrap();
            if *blind > 0 {
                *blind -= 1;
                return Err(Stuck);
            }
            return Ok(Plan::Changes(Vec::new()));
        }
        let changes = vec![turn(finding, &now, "shut")];
        Ok(if self.held {
            Plan::Held {
                because: "somebody stands in it".into(),
                changes,
            }
        } else {
            Plan::Changes(changes)
        })
    }

    async fn apply(
        &self,
        change: &Change<Turn>,
        state: &mut Vec<String>,
        doors: &Doors,
        _: Timestamp,
    ) -> Result<Receipt, Stuck> {
        if self.fails != Some(false) {
            doors.set(&change.effect.door, &change.effect.to);
        }
        if self.fails.is_some() {
            return Err(Stuck);
        }
        state.push(change.summary.clone());
        Ok(Receipt::Made {
            after: change.after.clone(),
        })
    }

    async fn recover(
        &self,
        _: &Change<Turn>,
        _: Timestamp,
        _: &mut Vec<String>,
        _: &Doors,
        _: Timestamp,
    ) -> Result<Recovery, Stuck> {
        Ok(Recovery::NotDone)
    }

    async fn observe(&self, change: &Change<Turn>, doors: &Doors) -> Result<Option<Value>, Stuck> {
        Ok(Some(json!(doors.get(&change.effect.door))))
    }

    fn describe(&self, state: &Vec<String>) -> Vec<String> {
        state.clone()
    }

    fn inverse(&self, change: &Change<Turn>) -> Inverse<Turn> {
        if change.effect.from == "broken" {
            return Inverse::Irreversible("a door that was mended is not broken again");
        }
        Inverse::Reversible(Box::new(Change {
            id: ChangeId::fresh(),
            before: change.after.clone(),
            after: change.before.clone(),
            summary: format!("undo: {}", change.summary),
            effect: Turn {
                from: change.effect.to.clone(),
                to: change.effect.from.clone(),
                ..change.effect.clone()
            },
            ..change.clone()
        }))
    }

    fn permissions(&self) -> Vec<Statement> {
        Vec::new()
    }
}

struct House {
    porter: Porter,
    ledger: SqliteLedger,
    finding: Finding,
}

impl House {
    async fn with_door(state: &str) -> Self {
        let doors = Doors::default();
        doors.set("front", state);
        let finding = Finding {
            rule: "S3-001".into(),
            subject: Subject::resource("front"),
            verdict: Verdict::Failed,
            observed_at: Timestamp::now(),
            severity: Severity::High,
            evidence: Evidence::default(),
            source: Source::default(),
            sent_by: None,
        };
        let ledger = SqliteLedger::open_in_memory(Retention::default()).unwrap();
        let remediate_core::incident::Seen::Opened(incident) = Incident::observe(None, &finding)
        else {
            panic!("a first failure opens");
        };
        ledger.put_incident(&incident).await.unwrap();
        Self {
            porter: Porter {
                doors,
                held: false,
                fails: None,
                blind: Arc::default(),
            },
            ledger,
            finding,
        }
    }

    fn runner(&self) -> Runner<'_, Porter> {
        Runner {
            function: &self.porter,
            ledger: &self.ledger,
            owner: "test",
            lease: Duration::from_secs(60),
        }
    }

    async fn run(&self) -> (Outcome, Vec<Change>) {
        let report = self.try_to_run().await.unwrap();
        (report.outcome, report.changes)
    }

    async fn try_to_run(&self) -> Result<Report, RunError<Stuck>> {
        let function = FunctionName::from(Porter::NAME);
        let group = Porter::GROUPING.group_of(&self.finding);
        let task = Task::of_findings(&function, group, Mode::Act, vec![self.finding.clone()]);
        self.runner().run(&task, Timestamp::now()).await
    }

    async fn undo(&self, change: &ChangeId) -> Result<Change, UndoError<Stuck>> {
        self.runner().undo(change, "alice", Timestamp::now()).await
    }

    fn door(&self) -> String {
        self.porter.doors.get("front")
    }
}

#[tokio::test]
async fn a_held_plan_is_recorded_and_not_carried_out() {
    let mut house = House::with_door("open").await;
    house.porter.held = true;
    let (outcome, _) = house.run().await;
    assert_eq!(
        outcome,
        Outcome::Held {
            changes: 1,
            because: "somebody stands in it".into()
        }
    );
    assert_eq!(house.door(), "open");
    let history = house
        .ledger
        .history(&HistoryQuery::default())
        .await
        .unwrap();
    assert!(history.iter().any(|entry| matches!(
        &entry.event,
        Event::Changed {
            status: ChangeStatus::Planned,
            ..
        }
    )));
}

#[tokio::test]
async fn what_was_made_and_not_seen_is_told_and_the_next_attempt_tells_of_it() {
    let house = House::with_door("open").await;
    *house.porter.blind.lock().unwrap() = 1;
    let error = house.try_to_run().await.unwrap_err().to_string();
    assert_eq!(house.door(), "shut");
    for part in ["front: open to shut", "NOT verified", "the door is stuck"] {
        assert!(error.contains(part), "{error}");
    }
    let (outcome, changes) = house.run().await;
    assert_eq!(outcome, Outcome::Applied { changes: 1 });
    house.undo(&changes[0].id).await.unwrap();
    assert_eq!(house.door(), "open");
}

#[tokio::test]
async fn a_repair_is_taken_back_and_that_is_recorded() {
    let house = House::with_door("open").await;
    let (outcome, changes) = house.run().await;
    assert_eq!(outcome, Outcome::Applied { changes: 1 });
    let back = house.undo(&changes[0].id).await.unwrap();
    assert_eq!(house.door(), "open");
    let entry = house.ledger.entry(back.id.as_str()).await.unwrap().unwrap();
    let Event::Changed { change, status } = entry.event else {
        panic!("an undo is a change");
    };
    assert!(matches!(status, ChangeStatus::Applied { .. }));
    assert!(change.notes[0].contains("by alice"), "{:?}", change.notes);
    assert!(matches!(
        house.undo(&changes[0].id).await,
        Err(UndoError::AlreadyUndone(_))
    ));
}

#[tokio::test]
async fn what_somebody_changed_since_stays() {
    let house = House::with_door("open").await;
    let (_, changes) = house.run().await;
    house.porter.doors.set("front", "walled up");
    let error = house.undo(&changes[0].id).await.unwrap_err();
    assert!(matches!(error, UndoError::MovedOn { .. }), "{error}");
    assert_eq!(house.door(), "walled up");
}

#[tokio::test]
async fn what_cannot_be_taken_back_says_why() {
    let house = House::with_door("broken").await;
    let (_, changes) = house.run().await;
    let error = house.undo(&changes[0].id).await.unwrap_err();
    assert!(error.to_string().contains("not broken again"), "{error}");
    assert_eq!(house.door(), "shut");
}

#[tokio::test]
async fn only_what_was_made_is_undone() {
    let mut house = House::with_door("open").await;
    house.porter.held = true;
    let (_, changes) = house.run().await;
    assert!(matches!(
        house.undo(&changes[0].id).await,
        Err(UndoError::NotMade { .. })
    ));
    assert!(matches!(
        house.undo(&ChangeId::from("nonsense")).await,
        Err(UndoError::Unknown(_))
    ));
}

#[tokio::test]
async fn taking_back_that_fails_is_recorded_as_failed_unless_it_was_done_all_the_same() {
    for (done, door) in [(true, "open"), (false, "shut")] {
        let mut house = House::with_door("open").await;
        let (_, changes) = house.run().await;
        house.porter.fails = Some(done);
        assert_eq!(house.undo(&changes[0].id).await.is_ok(), done);
        assert_eq!(house.door(), door);
        let history = house
            .ledger
            .history(&HistoryQuery::default())
            .await
            .unwrap();
        let Event::Changed { status, .. } = &history[0].event else {
            panic!("the newest entry is the undo: {history:#?}");
        };
        assert_eq!(
            matches!(status, ChangeStatus::Applied { .. }),
            done,
            "{status:?}"
        );
        assert_eq!(
            matches!(status, ChangeStatus::Failed { .. }),
            !done,
            "{status:?}"
        );
    }
}
