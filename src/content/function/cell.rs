//! An engine of one call: a runtime and a context that nothing else has, ever.
//!
//! In: a call, then the answers that it waited for. Out: how each step of it ended. It must not wait, nor outlive its call: what a
//! function leaves behind goes with its cell.

use std::sync::Arc;
use std::time::Duration;

use rquickjs::context::intrinsic as has;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{CatchResultExt, CaughtError, Context, Ctx, Function, Module, Object, Runtime, Type};

use super::call::{Ask, Call};
use super::error::FunctionError;
use super::meter::{Meter, thread_time};
use super::natives::{self, Seat};
use super::{prelude, specifier};
use crate::limits;

/// What an engine has: everything but `eval` and what observes memory and time.
type Intrinsics = (
    has::Date,
    has::RegExpCompiler,
    has::RegExp,
    has::Json,
    has::Proxy,
    has::MapSet,
    has::TypedArrays,
    has::Promise,
    has::DOMException,
);

/// The prelude's two ways in: to start, and to settle a promise.
type Ways<'js> = Vec<Function<'js>>;

/// An engine, ready for one call.
pub(super) struct Cell {
    context: Context,
    runtime: Runtime,
    seat: Seat,
    meter: Meter,
    used: Duration,
}

/// What a step came to.
pub(super) enum Step {
    /// The call has ended; how, stands in it.
    Ended(Box<Call>),
    /// These must be answered before it goes on.
    Waits { asks: Vec<Ask>, racing: bool },
}

/// What running a module without a call came to.
pub(super) enum Trial {
    /// Its default export is a function.
    Function,
    /// Its default export is something else; what, in one word.
    Other(&'static str),
    Failed(FunctionError),
}

impl Cell {
    /// An engine that has run nothing but the prelude.
    ///
    /// # Errors
    /// The engine's own, in its words.
    pub fn new() -> Result<Self, FunctionError> {
        Self::furnished().map_err(|error| FunctionError::Engine(error.to_string().into()))
    }

    fn furnished() -> rquickjs::Result<Self> {
        let seat = Seat::default();
        let runtime = Runtime::new()?;
        runtime.set_max_stack_size(limits::FUNCTION_STACK_BYTES);
        runtime.set_loader(Relative, Kept(seat.clone()));
        let context = Context::custom::<Intrinsics>(&runtime)?;
        context.with(|ctx| -> rquickjs::Result<()> {
            let (core, _) = prelude::CORE.load(&ctx)?.eval()?;
            let boot: Function<'_> = core.get("boot")?;
            let ways: Ways<'_> = boot.call((natives::object(&ctx, &seat)?,))?;
            drop(ctx.store_userdata(ways));
            Ok(())
        })?;
        Ok(Self { context, runtime, seat, meter: Meter::default(), used: Duration::ZERO })
    }

    /// The meter that cuts the call off.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// How long the call has computed.
    pub fn used(&self) -> Duration {
        self.used
    }

    /// Begins a call of the module at `path` with `with`, which is JSON; `meter` can cut it off.
    pub fn begin(&mut self, call: Call, meter: Meter, path: &str, with: &str) -> Step {
        let allowance = call.allowance;
        self.prepare(call, meter);
        self.step(|ctx| {
            let start = ctx.userdata::<Ways<'_>>().and_then(|ways| ways.first().cloned());
            let main = load(ctx, path)?;
            start.ok_or(rquickjs::Error::Unknown)?.call((main, with, allowance.output))
        })
    }

    /// Runs the module of a path up to its default export.
    pub fn try_out(&mut self, call: Call, path: &str) -> Trial {
        let mut kind = None;
        self.prepare(call, Meter::default());
        let step = self.step(|ctx| load(ctx, path).map(|export| kind = Some(export.type_of())));
        let ended = match step {
            Step::Ended(call) => call.ended,
            Step::Waits { .. } => None,
        };
        match (ended, kind) {
            // With nothing left to run, a module that was loaded counts as a call that waits for ever.
            (Some(Err(error)), _) if error != FunctionError::Unsettled => Trial::Failed(error),
            (_, Some(Type::Function | Type::Constructor)) => Trial::Function,
            (_, Some(kind)) => Trial::Other(kind.as_str()),
            (_, None) => Trial::Failed(FunctionError::Unsettled),
        }
    }

    fn prepare(&mut self, call: Call, meter: Meter) {
        self.runtime.set_memory_limit(call.allowance.memory);
        let watched = meter.clone();
        self.meter = meter;
        self.runtime.set_interrupt_handler(Some(Box::new(move || watched.must_end())));
        self.seat.take(call);
    }

    /// Goes on with a call whose asks were answered.
    pub fn settle(&mut self, asks: &[Ask]) -> Step {
        let seat = self.seat.clone();
        self.step(|ctx| {
            let settle = ctx.userdata::<Ways<'_>>().and_then(|ways| ways.get(1).cloned());
            let settle = settle.ok_or(rquickjs::Error::Unknown)?;
            for ask in asks {
                match seat.with(|call| call.answer(&ask.question)) {
                    Some(Ok(told)) => settle.call::<_, ()>((ask.number, natives::known(told, ctx)?))?,
                    Some(Err(why)) => settle.call::<_, ()>((ask.number, (), &*why))?,
                    None => {}
                }
            }
            Ok(())
        })
    }

    /// Runs until the call has ended or waits.
    fn step(&mut self, way: impl FnOnce(&Ctx<'_>) -> rquickjs::Result<()>) -> Step {
        let allowance = self.seat.with(|call| call.allowance).unwrap_or_default();
        let begun = thread_time();
        self.meter.begin(allowance.cpu.saturating_sub(self.used));
        let thrown = self.context.with(|ctx| way(&ctx).catch(&ctx).err().map(|error| described(&error)));
        let thrown = thrown.or_else(|| self.drain());
        self.used += thread_time().saturating_sub(begun);
        self.judge(thrown, allowance.cpu)
    }

    /// Runs what promises have set off; what was thrown, if something was that nothing in the engine may catch.
    fn drain(&self) -> Option<(String, String)> {
        loop {
            match self.runtime.execute_pending_job() {
                Ok(false) => return None,
                Ok(true) if !self.meter.must_end() => {}
                Ok(true) => return Some(Default::default()),
                Err(job) => {
                    return Some(
                        job.0.with(|ctx| described(&CaughtError::from_error(&ctx, rquickjs::Error::Exception))),
                    );
                }
            }
        }
    }

    fn judge(&mut self, thrown: Option<(String, String)>, cpu: Duration) -> Step {
        let asks = self.seat.with(|call| std::mem::take(&mut call.asks)).unwrap_or_default();
        let over = self.meter.is_over();
        let goes_on = thrown.is_none() && !over && self.seat.with(|call| call.ended.is_none()).unwrap_or(false);
        if goes_on && !asks.is_empty() {
            let racing = self.seat.with(|call| call.racing).unwrap_or(false);
            return Step::Waits { asks, racing };
        }
        let Some(mut call) = self.seat.leave() else { unreachable!("invariant: a call leaves its seat once") };
        let (what, stack) = thrown.unwrap_or_default();
        let reason = natives::thrown(&what, &stack, call.allowance.memory);
        if over {
            call.ended = Some(Err(FunctionError::Cpu { cpu, at: reason.place().cloned() }));
        }
        call.end(Err(if what.is_empty() { FunctionError::Unsettled } else { reason }));
        Step::Ended(Box::new(call))
    }
}

/// The default export of a module, after it was run.
fn load<'js>(ctx: &Ctx<'js>, path: &str) -> rquickjs::Result<rquickjs::Value<'js>> {
    let imported = Module::import(ctx, path)?;
    let namespace = loop {
        if let Some(namespace) = imported.result::<Object<'js>>() {
            break namespace?;
        }
        if !ctx.execute_pending_job() {
            return Err(rquickjs::Exception::throw_type(ctx, "the module awaits what never comes"));
        }
    };
    namespace.get("default")
}

/// An error and its stack, as text.
fn described(error: &CaughtError<'_>) -> (String, String) {
    match error {
        CaughtError::Exception(exception) => {
            let name = exception.as_object().get::<_, String>("name").unwrap_or_else(|_| "Error".to_owned());
            let what = format!("{name}: {}", exception.message().unwrap_or_default());
            (what, exception.stack().unwrap_or_default())
        }
        CaughtError::Error(error) => (error.to_string(), String::new()),
        CaughtError::Value(value) => (format!("a {} was thrown", value.type_name()), String::new()),
    }
}

/// Imports are relative, within the folder of functions.
struct Relative;

impl Resolver for Relative {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        match base.is_empty() {
            true => Ok(name.to_owned()),
            false => specifier::resolve(base, name).map_err(|_| rquickjs::Error::new_resolving(base, name)),
        }
    }
}

/// Modules of the revision that the seated call belongs to.
struct Kept(Seat);

impl Loader for Kept {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        let functions = self.0.with(|call| Arc::clone(&call.functions));
        let module = functions.and_then(|functions| functions.module(name));
        module.ok_or_else(|| rquickjs::Error::new_loading(name))?.load(ctx)
    }
}
