//! What the prelude may call outside the engine, and how answers look inside.
//!
//! In: an engine's context and the seat of its call. Out: one object of functions, which the prelude keeps to itself. It must not
//! decide anything: each function hands on to the call, or to [`text`](super::text).

use std::sync::{Arc, Mutex, PoisonError};

use rquickjs::{Array, Ctx, Error, Exception, Function, IntoJs, Null, Object, Result, Value};

use super::call::{Call, Output, Told};
use super::error::{FunctionError, Place};
use super::{prelude, text};
use crate::scope::language::{Formatted, Formatting};

/// Where a call sits while its engine runs. An engine that is kept ready has an empty one. Clones are the same seat.
#[derive(Clone, Debug, Default)]
pub(super) struct Seat(Arc<Mutex<Option<Call>>>);

impl Seat {
    /// Seats a call.
    pub fn take(&self, call: Call) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(call);
    }

    /// Does something with the call.
    pub fn with<R>(&self, what: impl FnOnce(&mut Call) -> R) -> Option<R> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(what)
    }

    /// Takes the call out.
    pub fn leave(&self) -> Option<Call> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<'js> IntoJs<'js> for Told {
    /// A list is an array of its number, a map an object with it; the prelude makes facades of both.
    fn into_js(self, ctx: &Ctx<'js>) -> Result<Value<'js>> {
        match self {
            Self::Nothing => Ok(Value::new_undefined(ctx.clone())),
            Self::Scalar(value) => scalar(&value, ctx),
            Self::List(node) => vec![node].into_js(ctx),
            Self::Map(node) => {
                let handle = Object::new(ctx.clone())?;
                handle.set("node", node)?;
                Ok(handle.into_value())
            }
        }
    }
}

fn scalar<'js>(value: &minijinja::Value, ctx: &Ctx<'js>) -> Result<Value<'js>> {
    use minijinja::value::ValueKind;
    match value.kind() {
        ValueKind::Undefined => Ok(Value::new_undefined(ctx.clone())),
        ValueKind::None => Null.into_js(ctx),
        ValueKind::Bool => value.is_true().into_js(ctx),
        ValueKind::Number => match i32::try_from(value.clone()) {
            Ok(small) if value.is_integer() => small.into_js(ctx),
            _ => f64::try_from(value.clone()).unwrap_or(f64::NAN).into_js(ctx),
        },
        _ => value.as_str().map_or_else(|| value.to_string().into_js(ctx), |text| text.into_js(ctx)),
    }
}

/// What stands at a settled promise: `{ is: … }`, so that an answer of nothing is told from no answer.
pub(super) fn known<'js>(told: Told, ctx: &Ctx<'js>) -> Result<Value<'js>> {
    let known = Object::new(ctx.clone())?;
    known.set("is", told)?;
    Ok(known.into_value())
}

fn vacant() -> Error {
    Error::new_loading_message("the call", "an engine without a call was asked")
}

/// The functions that the prelude may call.
pub(super) fn object<'js>(ctx: &Ctx<'js>, seat: &Seat) -> Result<Object<'js>> {
    let natives = Object::new(ctx.clone())?;
    reading(ctx, &natives, seat)?;
    ending(ctx, &natives, seat)?;
    sources(ctx, &natives, seat)?;
    time(ctx, &natives, seat)?;
    formatting(ctx, &natives, seat)?;
    natives.set("part", Function::new(ctx.clone(), part)?)?;
    text::add(ctx, &natives)?;
    Ok(natives)
}

fn reading<'js>(ctx: &Ctx<'js>, natives: &Object<'js>, seat: &Seat) -> Result<()> {
    let add = |name: &str, function: Function<'js>| natives.set(name, function);
    let here = seat.clone();
    let is_method = move |node: usize, key: String| here.with(|call| call.is_method(node, &key)).unwrap_or(false);
    add("isMethod", Function::new(ctx.clone(), is_method)?)?;
    let here = seat.clone();
    let is_now = move |node: usize| here.with(|call| call.is_now(node)).unwrap_or(false);
    add("isNow", Function::new(ctx.clone(), is_now)?)?;
    let here = seat.clone();
    let get = move |node: usize, key: String| here.with(|call| call.get(node, &key)).ok_or_else(vacant);
    add("get", Function::new(ctx.clone(), get)?)?;
    let here = seat.clone();
    let keys = move |ctx: Ctx<'js>, node: usize| -> Result<Array<'js>> {
        let keys = here.with(|call| call.keys(node)).ok_or_else(vacant)?;
        let array = Array::new(ctx)?;
        keys.iter().enumerate().try_for_each(|(at, key)| array.set(at, &**key))?;
        Ok(array)
    };
    add("keys", Function::new(ctx.clone(), keys)?)?;
    let here = seat.clone();
    let call = move |ctx: Ctx<'js>, node: usize, key: String, arguments: String| {
        let answer = here.with(|call| call.call(node, &key, &arguments)).ok_or_else(vacant)?;
        answer.map_err(|why| Exception::throw_type(&ctx, &why))
    };
    add("call", Function::new(ctx.clone(), call)?)
}

fn ending<'js>(ctx: &Ctx<'js>, natives: &Object<'js>, seat: &Seat) -> Result<()> {
    let here = seat.clone();
    let done = move |html: Option<String>, data: Option<String>, status: Option<u16>| {
        here.with(|call| {
            let data = data.and_then(|data| serde_json::from_str(&data).ok());
            let most = call.allowance.output;
            let fits = html.as_ref().is_none_or(|html| html.len() <= most);
            call.end(if fits {
                Ok(Output { html, data, status })
            } else {
                Err(FunctionError::TooMuch { bytes: most })
            });
        });
    };
    natives.set("done", Function::new(ctx.clone(), done)?)?;
    let here = seat.clone();
    let too_much = move || {
        here.with(|call| call.end(Err(FunctionError::TooMuch { bytes: call.allowance.output })));
    };
    natives.set("tooMuch", Function::new(ctx.clone(), too_much)?)?;
    let here = seat.clone();
    let fail = move |what: String, stack: String| {
        here.with(|call| call.end(Err(thrown(&what, &stack, call.allowance.memory))));
    };
    natives.set("fail", Function::new(ctx.clone(), fail)?)?;
    let here = seat.clone();
    let say = move |level: String, text: String| {
        here.with(|call| call.say(&level, &text));
    };
    natives.set("console", Function::new(ctx.clone(), say)?)
}

/// What an error that nobody caught means.
pub(super) fn thrown(what: &str, stack: &str, memory: usize) -> FunctionError {
    let at = Place::in_stack(stack);
    match what {
        "InternalError: out of memory" => FunctionError::Memory { bytes: memory, at },
        _ => {
            let end = what.floor_char_boundary(crate::limits::FUNCTION_CONSOLE_BYTES);
            FunctionError::Threw { what: what[..end].into(), at }
        }
    }
}

fn sources<'js>(ctx: &Ctx<'js>, natives: &Object<'js>, seat: &Seat) -> Result<()> {
    let here = seat.clone();
    let source = move |ctx: Ctx<'js>, number: usize, name: String, arguments: String| -> Result<Option<Value<'js>>> {
        let told = here.with(|call| call.source(number, &name, &arguments)).ok_or_else(vacant)?;
        match told {
            Ok(told) => told.map(|told| known(told, &ctx)).transpose(),
            Err(why) => Err(Exception::throw_message(&ctx, &why)),
        }
    };
    natives.set("source", Function::new(ctx.clone(), source)?)?;
    let here = seat.clone();
    let race = move || {
        here.with(|call| call.racing = true);
    };
    natives.set("race", Function::new(ctx.clone(), race)?)
}

fn time<'js>(ctx: &Ctx<'js>, natives: &Object<'js>, seat: &Seat) -> Result<()> {
    let here = seat.clone();
    natives.set("now", Function::new(ctx.clone(), move || here.with(|call| call.now()).unwrap_or(0.0))?)?;
    let here = seat.clone();
    natives.set("random", Function::new(ctx.clone(), move || here.with(|call| call.random()).unwrap_or(0.0))?)?;
    let here = seat.clone();
    let offset = move |time: f64| here.with(|call| call.offset(time)).unwrap_or(0.0);
    natives.set("offset", Function::new(ctx.clone(), offset)?)?;
    let here = seat.clone();
    let offset = move |time: f64| here.with(|call| call.offset_of_civil(time)).unwrap_or(0.0);
    natives.set("offsetOfCivil", Function::new(ctx.clone(), offset)?)
}

fn formatting<'js>(ctx: &Ctx<'js>, natives: &Object<'js>, seat: &Seat) -> Result<()> {
    let here = seat.clone();
    let format = move |ctx: Ctx<'js>, filter: Option<String>, arguments: String| -> Result<Option<Object<'js>>> {
        let made = here.with(|call| call.format(filter.as_deref(), &arguments)).ok_or_else(vacant)?;
        let (key, text) = match made {
            Ok(Formatted::Nothing) => return Ok(None),
            Ok(Formatted::Html(html)) => ("html", html),
            Ok(Formatted::Plain(json)) => ("json", json.to_string()),
            Err(why) => return Err(Exception::throw_type(&ctx, &why)),
        };
        let told = Object::new(ctx)?;
        told.set(key, text)?;
        Ok(Some(told))
    };
    natives.set("format", Function::new(ctx.clone(), format)?)?;
    let names = || Formatting::names().map(str::to_owned).collect::<Vec<_>>();
    natives.set("filters", Function::new(ctx.clone(), names)?)
}

/// The maker of what is seldom used.
fn part<'js>(ctx: Ctx<'js>, name: String) -> Result<Function<'js>> {
    let part = prelude::part(&name).ok_or_else(vacant)?;
    let (module, _) = part.load(&ctx)?.eval()?;
    module.get("make")
}
