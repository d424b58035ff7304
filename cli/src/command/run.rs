//! `remediate run`: posture logs and notifications from files, folders, S3 or standard input.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use orchestrator::intake::envelope::ObjectRef;
use orchestrator::intake::objects::{ObjectError, Objects};
use orchestrator::{Handled, Moment, Orchestrator, OrchestratorError};
use remediate_core::config::Config;
use remediate_core::ledger::Ledger;

use crate::args::{Format, PlaceArgs, RunArgs};
use crate::command::messages::{self, Message};
use crate::error::CliError;
use crate::local::LocalDispatcher;
use crate::place::ProcessLock;
use crate::report::Reporter;

pub async fn run(args: RunArgs, place: &PlaceArgs) -> Result<(), CliError> {
    let mut config = place.config()?;
    if let Some(freshness) = args.freshness {
        config.rules.global.freshness = freshness;
    }
    let session = Session::open(place, config, args.apply, args.objects.clone()).await?;
    let mut reporter = Reporter::new(args.format, args.apply);
    for input in inputs(&args.inputs)? {
        session.handle(input, args.format, &mut reporter).await;
    }
    reporter.finish()
}

/// An orchestrator of this process with what it works on.
pub struct Session {
    orchestrator: Orchestrator,
    /// Held to the end: a ledger has one worker at a time.
    _lock: Option<ProcessLock>,
}

impl Session {
    pub async fn open(
        place: &PlaceArgs,
        config: Config,
        apply: bool,
        objects: Option<PathBuf>,
    ) -> Result<Self, CliError> {
        let config = Arc::new(with_own_account(config).await?);
        let (ledger, lock): (Arc<dyn Ledger>, _) = if apply {
            place.ledger_for_work(&config).await?
        } else {
            (Arc::new(place.copy_of_ledger(&config)?), None)
        };
        let dispatcher = LocalDispatcher::new(&config, Arc::clone(&ledger), apply)?;
        let objects: Arc<dyn Objects> = match objects {
            Some(dir) => Arc::new(FolderObjects { dir }),
            None => stored_objects().await,
        };
        let orchestrator = Orchestrator {
            config,
            ledger,
            objects,
            dispatcher: Arc::new(dispatcher),
            progress: None,
        };
        Ok(Self {
            orchestrator,
            _lock: lock,
        })
    }

    pub fn orchestrator(&self) -> &Orchestrator {
        &self.orchestrator
    }

    async fn handle(&self, input: Input, format: Format, reporter: &mut Reporter) {
        let name = input.name();
        let bar = (format == Format::Text).then(|| progress_bar(&name));
        let orchestrator = Orchestrator {
            progress: bar.as_ref().map(observer),
            ..self.orchestrator.clone()
        };
        let handled = handle_input(&orchestrator, input).await;
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        for handled in handled {
            match handled {
                Ok(handled) => reporter.handled(handled),
                Err(error) => reporter.failed(&name, &error),
            }
        }
    }
}

/// Where no account is named, that of the credentials is meant, if a rule that repairs AWS resources is on.
#[cfg(feature = "aws-rules")]
async fn with_own_account(mut config: Config) -> Result<Config, CliError> {
    let repairs = config.rules.iter().any(|(id, rule)| {
        rule.config.enabled
            && remediate_core::rule::spec(id.as_str()).is_some_and(|spec| spec.repair.is_some())
    });
    if repairs && config.rules.global.accounts.is_empty() {
        let reader = remediate_aws::aws::Reader::from_environment();
        let caller = reader.caller().await.map_err(|error| {
            CliError::Failed(format!(
                "it is not known which account the credentials are of, and `global.accounts` names none: {error}"
            ))
        })?;
        config.rules.global.accounts = vec![caller.account.as_str().into()];
    }
    Ok(config)
}

#[cfg(not(feature = "aws-rules"))]
async fn with_own_account(config: Config) -> Result<Config, CliError> {
    Ok(config)
}

/// One thing to read.
enum Input {
    File(PathBuf),
    Stdin,
    Stored(ObjectRef),
}

impl Input {
    fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdin => "standard input".to_owned(),
            Self::Stored(object) => object.to_string(),
        }
    }
}

/// The files behind the arguments, those of a folder in the order of their names.
fn inputs(arguments: &[String]) -> Result<Vec<Input>, CliError> {
    let mut inputs = Vec::new();
    for argument in arguments {
        if argument == "-" {
            inputs.push(Input::Stdin);
        } else if let Some(rest) = argument.strip_prefix("s3://") {
            let (bucket, key) = rest
                .split_once('/')
                .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
                .ok_or_else(|| {
                    CliError::Usage(format!(
                        "`{argument}` is no object: expected s3://bucket/key"
                    ))
                })?;
            inputs.push(Input::Stored(ObjectRef {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
                ..ObjectRef::default()
            }));
        } else {
            collect(Path::new(argument), &mut inputs)?;
        }
    }
    Ok(inputs)
}

fn collect(path: &Path, inputs: &mut Vec<Input>) -> Result<(), CliError> {
    let about = std::fs::metadata(path).map_err(CliError::file(path))?;
    if !about.is_dir() {
        inputs.push(Input::File(path.to_owned()));
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(CliError::file(path))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(CliError::file(path))?;
    paths.sort();
    let visible = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| !name.to_string_lossy().starts_with('.'))
    };
    paths
        .iter()
        .filter(|path| visible(path))
        .try_for_each(|path| collect(path, inputs))
}

/// How much is looked at to tell messages from a log.
const HEAD: usize = 4 * 1024 * 1024;
/// The most that is read of messages.
const MESSAGES: u64 = 256 * 1024 * 1024;

/// What an input holds.
enum Content {
    Messages(Vec<Message>),
    Log(Box<dyn Read + Send>),
}

/// What does not begin with a message is a log.
async fn handle_input(orchestrator: &Orchestrator, input: Input) -> Vec<Result<Handled, String>> {
    let name = input.name();
    let moment = Moment {
        now: Timestamp::now(),
        deadline: None,
    };
    let reader: Result<Box<dyn Read + Send>, _> = match input {
        Input::File(path) => File::open(&path)
            .map(|file| Box::new(file) as Box<dyn Read + Send>)
            .map_err(|error| unavailable(&name, &error)),
        Input::Stdin => Ok(Box::new(std::io::stdin())),
        Input::Stored(object) => orchestrator.objects.open(&object).await,
    };
    let reader = match reader {
        Ok(reader) => reader,
        Err(error) => return vec![Err(error.to_string())],
    };
    let content = match tokio::task::spawn_blocking(move || content(reader)).await {
        Ok(Ok(content)) => content,
        Ok(Err(error)) => return vec![Err(unavailable(&name, &error).to_string())],
        Err(_) => {
            return vec![Err(
                OrchestratorError::Interrupted { object: name }.to_string()
            )];
        }
    };
    match content {
        Content::Messages(messages) => {
            let mut handled = Vec::new();
            for Message { place, content } in messages {
                match content {
                    Ok(notifications) => {
                        for notification in notifications {
                            let outcome = orchestrator.handle(notification, moment).await;
                            handled.push(outcome.map_err(|error| error.to_string()));
                        }
                    }
                    Err(error) => handled.push(Err(format!("{place}: {error}"))),
                }
            }
            handled
        }
        Content::Log(reader) => {
            let handled = orchestrator.posture_log(name, reader, moment).await;
            vec![handled.map_err(|error| error.to_string())]
        }
    }
}

fn content(mut reader: Box<dyn Read + Send>) -> std::io::Result<Content> {
    let mut head = Vec::new();
    reader.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    if !messages::begin(&head) {
        return Ok(Content::Log(Box::new(
            std::io::Cursor::new(head).chain(reader),
        )));
    }
    reader.take(MESSAGES).read_to_end(&mut head)?;
    Ok(Content::Messages(messages::read(&head)))
}

fn unavailable(name: &str, error: &std::io::Error) -> ObjectError {
    ObjectError::Unavailable {
        object: name.to_owned(),
        reason: error.to_string(),
    }
}

fn progress_bar(name: &str) -> ProgressBar {
    // Without a terminal the bar draws nothing by itself.
    let bar = ProgressBar::new_spinner().with_message(name.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}: {bytes} read in {elapsed}") {
        bar.set_style(style);
    }
    if std::io::stderr().is_terminal() {
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
    }
    bar
}

fn observer(bar: &ProgressBar) -> orchestrator::intake::posture::OnProgress {
    let bar = bar.clone();
    Arc::new(move |progress| bar.set_position(progress.stored))
}

/// Objects in a folder: DIR/<bucket>/<key> or DIR/<key>.
struct FolderObjects {
    dir: PathBuf,
}

#[async_trait::async_trait]
impl Objects for FolderObjects {
    async fn open(&self, object: &ObjectRef) -> Result<Box<dyn Read + Send>, ObjectError> {
        let name = object.to_string();
        // A key is text from outside: it must not lead out of the folder.
        let inside = |path: &str| {
            Path::new(path)
                .components()
                .all(|part| matches!(part, std::path::Component::Normal(_)))
        };
        if !inside(&object.key) || !inside(&object.bucket) {
            return Err(ObjectError::Unavailable {
                object: name,
                reason: "its name leads out of the folder".to_owned(),
            });
        }
        let candidates = [
            self.dir.join(&object.bucket).join(&object.key),
            self.dir.join(&object.key),
        ];
        match candidates.iter().find(|path| path.is_file()) {
            Some(path) => File::open(path)
                .map(|file| Box::new(file) as Box<dyn Read + Send>)
                .map_err(|error| unavailable(&name, &error)),
            None => Err(ObjectError::Gone { object: name }),
        }
    }
}

#[cfg(feature = "aws")]
async fn stored_objects() -> Arc<dyn Objects> {
    use orchestrator::intake::objects::S3Objects;
    use remediate_core::aws;
    Arc::new(S3Objects::new(aws::s3_client(aws::sdk_config().await)))
}

#[cfg(not(feature = "aws"))]
async fn stored_objects() -> Arc<dyn Objects> {
    struct NoObjects;
    #[async_trait::async_trait]
    impl Objects for NoObjects {
        async fn open(&self, object: &ObjectRef) -> Result<Box<dyn Read + Send>, ObjectError> {
            let reason = "this build reads no S3: build it with the feature `aws`, or say where the objects are with --objects".to_owned();
            Err(ObjectError::Unavailable {
                object: object.to_string(),
                reason,
            })
        }
    }
    Arc::new(NoObjects)
}
