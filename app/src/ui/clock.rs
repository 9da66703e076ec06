//! The clock and the organisation's zone, as contexts. Absent: formatting (`time`).

use leptos::prelude::*;

/// The IANA name of the zone that times are shown in.
#[derive(Clone, Copy)]
pub struct OrgZone(pub RwSignal<String>);

/// The current time in milliseconds since 1970, of this machine.
pub fn now_ms() -> i64 {
    #[cfg(target_arch = "wasm32")]
    return js_sys::Date::now() as i64;
    #[cfg(not(target_arch = "wasm32"))]
    return chrono::Utc::now().timestamp_millis();
}

#[derive(Clone, Copy)]
struct Now(RwSignal<i64>);

/// Provides the zone and a clock that ticks every half minute in the browser.
pub(crate) fn provide_clock() -> OrgZone {
    let zone = OrgZone(RwSignal::new("UTC".to_owned()));
    provide_context(zone);
    let now = RwSignal::new(now_ms());
    provide_context(Now(now));
    Effect::new(move || {
        now.set(now_ms());
        let tick = set_interval_with_handle(
            move || {
                now.try_set(now_ms());
            },
            std::time::Duration::from_secs(30),
        );
        if let Ok(tick) = tick {
            on_cleanup(move || tick.clear());
        }
    });
    zone
}

/// The current time, ticking.
pub fn use_now() -> Signal<i64> {
    use_context::<Now>().map_or_else(|| Signal::stored(now_ms()), |now| now.0.into())
}

/// The organisation's zone; UTC where no application is around.
pub fn use_zone() -> Signal<String> {
    use_context::<OrgZone>().map_or_else(|| Signal::stored("UTC".to_owned()), |zone| zone.0.into())
}
