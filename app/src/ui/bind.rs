//! The two ends of a control's value: read it, set it. Absent: validation.

use leptos::prelude::*;

/// What a control shows and where it puts what the person enters. Made from an `RwSignal`, or
/// from a signal and a callback where the value lives inside something larger.
pub struct Bind<T: Send + Sync + 'static> {
    read: Signal<T>,
    write: Callback<T>,
}

// Derived, these would ask that `T` is `Copy` too.
impl<T: Send + Sync + 'static> Clone for Bind<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Bind<T> {}

impl<T: Clone + Send + Sync + 'static> Bind<T> {
    /// A value that is read from `read` and handed to `write` when the person changes it.
    pub fn new(read: impl Into<Signal<T>>, write: impl Fn(T) + Send + Sync + 'static) -> Self {
        Bind { read: read.into(), write: Callback::new(write) }
    }

    /// The value, tracked.
    pub fn get(&self) -> T {
        self.read.get()
    }

    /// The value, not tracked.
    pub fn get_untracked(&self) -> T {
        self.read.get_untracked()
    }

    /// Hands a new value on.
    pub fn set(&self, value: T) {
        self.write.run(value);
    }
}

impl<T: Clone + Send + Sync + 'static> From<RwSignal<T>> for Bind<T> {
    fn from(signal: RwSignal<T>) -> Self {
        Bind::new(signal, move |value| signal.set(value))
    }
}
