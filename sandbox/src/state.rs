//! All state of one sandbox behind one lock, so that every request sees a whole world.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;
use crate::cloudflare::Cloudflare;
use crate::collector::Collector;
use crate::config::SandboxConfig;
use crate::faults::{DueFault, FaultBook, Service};
use crate::jira::Jira;
use crate::outbox::Call;
use crate::telegram::Telegram;

/// The world as the stand-ins see it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) telegram: Telegram,
    pub(crate) jira: Jira,
    pub(crate) cloudflare: Cloudflare,
    pub(crate) collector: Collector,
    pub(crate) faults: FaultBook,
    pub(crate) calls: Vec<Call>,
}

impl World {
    pub(crate) fn new(config: &SandboxConfig) -> Self {
        let mut faults = FaultBook::new(config.seed);
        for fault in &config.faults {
            faults.inject(fault.clone());
        }
        Self {
            clock: Clock::default(),
            telegram: Telegram::new(config.telegram.clone()),
            jira: Jira::new(config.jira.clone()),
            cloudflare: Cloudflare::new(config.cloudflare.clone()),
            collector: Collector::new(config.collector.clone()),
            faults,
            calls: Vec::new(),
        }
    }

    /// Carries out what became due in the meantime, so that whoever looks sees the world as it is now.
    pub(crate) fn settle(&mut self) {
        let now = self.clock.now();
        self.cloudflare.settle(now);
    }

    /// Records the arrival of a call and says which fault meets it. Returns the call's number.
    pub(crate) fn arrive(
        &mut self,
        service: Service,
        method: &str,
        path: &str,
    ) -> (u64, Option<DueFault>) {
        let due = self.faults.due(service, method, path);
        let n = self.calls.len() as u64 + 1;
        self.calls.push(Call {
            n,
            service,
            method: method.to_owned(),
            path: path.to_owned(),
            status: None,
            handled: false,
            fault: due.as_ref().map(|fault| fault.id),
            at: self.clock.now(),
        });
        (n, due)
    }

    /// The record of call `n`; gone when the sandbox was reset in the meantime.
    pub(crate) fn call(&mut self, n: u64) -> Option<&mut Call> {
        let index = usize::try_from(n).ok()?.checked_sub(1)?;
        self.calls.get_mut(index)
    }
}

/// The world, shared between connections and the [`Sandbox`](crate::Sandbox) that owns it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: SandboxConfig,
    world: Mutex<World>,
}

impl Shared {
    pub(crate) fn new(config: SandboxConfig) -> Self {
        let world = Mutex::new(World::new(&config));
        Self { config, world }
    }

    /// A panic in one handler must not take the whole sandbox down with it, hence no poisoning.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Back to the state right after the start.
    pub(crate) fn reset(&self) {
        *self.world() = World::new(&self.config);
    }
}
