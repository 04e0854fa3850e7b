//! Forecasts of scenes that a person can reckon, and what a model keeps.

#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at whatever it did not expect"
)]

use usher_waits::floor::Floor;
use usher_waits::forecast::forecast;
use usher_waits::model::{Model, Prior};
use usher_waits::scene::{
    ArrivalOrder, Classes, Counter, Discipline, Doing, Scene, Services, Shift, TargetWait, Waiting,
};

const NOON: f64 = 12.0 * 3600.0;

fn taught(services: usize) -> Model {
    let mut model = Model::new(&Prior {
        usual_s: vec![Some(300.0); services],
        pooled_s: 300.0,
        changeover_s: 0.0,
    });
    for service in 0..services {
        for i in 0..400 {
            let seconds = if i % 2 == 0 { 290.0 } else { 310.0 };
            model.observe_service(service, Some(0), NOON + f64::from(i), seconds);
        }
    }
    model
}

fn counter(services: &[usize], serving_since: Option<f64>, close_s: f64) -> Counter {
    let services = Services::of(services);
    Counter {
        services,
        beyond_services: Services::default(),
        doing: serving_since.map_or(Doing::Ready, |since_s| Doing::Serving {
            service: 0,
            since_s,
        }),
        shifts: vec![Shift {
            open_s: 0.0,
            close_s,
            services,
        }],
        beyond_plan: false,
    }
}

fn waiting(service: usize, class: u8, waited_s: f64) -> Waiting {
    Waiting {
        service,
        class,
        since_s: NOON - waited_s,
    }
}

fn scene<'a>(
    counters: Vec<Counter>,
    waiting: Vec<Waiting>,
    discipline: &'a dyn Discipline,
) -> Scene<'a> {
    Scene {
        now_s: NOON,
        counters,
        waiting,
        joiners: vec![0],
        discipline: Some(discipline),
        last_waits: vec![None, None],
    }
}

#[test]
fn those_in_service_are_credited_with_what_has_passed() {
    let model = taught(1);
    let made = forecast(
        &model,
        &scene(
            vec![counter(&[0], Some(NOON - 200.0), NOON + 9000.0)],
            vec![waiting(0, 0, 60.0), waiting(0, 0, 30.0)],
            &ArrivalOrder,
        ),
        1,
        200,
    );
    let means: Vec<f64> = made.waiting.iter().map(|f| f.mean_s).collect();
    assert!((means[0] - 100.0).abs() < 40.0, "{means:?}");
    assert!((means[1] - means[0] - 300.0).abs() < 40.0, "{means:?}");
    assert!((made.joiners[0].forecast.mean_s - means[1] - 300.0).abs() < 40.0);
}

#[test]
fn who_will_not_be_reached_before_the_close_is_told_so() {
    let mut model = taught(1);
    for _ in 0..200 {
        model.observe_close(false, true);
    }
    let made = forecast(
        &model,
        &scene(
            vec![counter(&[0], Some(NOON), NOON + 700.0)],
            (0..6).map(|i| waiting(0, 0, 60.0 - f64::from(i))).collect(),
            &ArrivalOrder,
        ),
        1,
        200,
    );
    assert!(made.waiting[0].chance_before_close > 0.95);
    assert!(made.waiting[5].chance_before_close < 0.05);
}

#[test]
fn the_rule_of_calling_decides_who_waits() {
    let model = taught(2);
    let first = |discipline: &dyn Discipline| {
        let counters = vec![counter(&[0, 1], Some(NOON), NOON + 9000.0)];
        let made = forecast(
            &model,
            &scene(
                counters,
                vec![waiting(0, 1, 500.0), waiting(1, 0, 200.0)],
                discipline,
            ),
            1,
            100,
        );
        usize::from(made.waiting[1].mean_s < made.waiting[0].mean_s)
    };
    assert_eq!(first(&ArrivalOrder), 0);
    assert_eq!(first(&Classes { bound_s: 1e6 }), 1);
    let targets = |bound_s| TargetWait {
        targets_s: vec![3600.0, 300.0],
        bound_s,
    };
    assert_eq!(first(&targets(1e6)), 1);
    // Whoever waited beyond the bound goes before all others.
    assert_eq!(first(&targets(450.0)), 0);
}

#[test]
fn the_same_arguments_give_the_same_forecast_and_a_stored_model_too() {
    let model = taught(2);
    let stored = serde_json::to_string(&model).unwrap();
    let read: Model = serde_json::from_str(&stored).unwrap();
    let scene = scene(
        vec![counter(&[0, 1], Some(NOON - 20.0), NOON + 9000.0)],
        vec![waiting(1, 0, 20.0)],
        &ArrivalOrder,
    );
    let made = forecast(&model, &scene, 5, 50);
    assert_eq!(made, forecast(&model, &scene, 5, 50));
    let again = forecast(&read, &scene, 5, 50);
    assert!((made.waiting[0].mean_s - again.waiting[0].mean_s).abs() < 1e-6);
    assert_ne!(made, forecast(&model, &scene, 6, 50));
}

#[test]
fn those_who_leave_without_a_word_are_found_missing() {
    let mut model = Model::new(&Prior::broad(1));
    let services = Services::of(&[0]);
    let mut floor = Floor::new(&[vec![Shift {
        open_s: 0.0,
        close_s: 86_400.0,
        services,
    }]]);
    let mut now = 0.0;
    // Every second visit is never called.
    for visit in 0..200_u64 {
        now += 50.0;
        floor.arrive(&mut model, now, visit, 0);
        if visit % 2 == 0 {
            floor.call(&mut model, now + 10.0, visit, Some(0));
            floor.finish(&mut model, now + 40.0, visit, 0, now + 10.0);
        }
    }
    let scene = floor.scene(&model, now + 45.0, vec![0], None);
    assert!(scene.waiting.len() <= 1, "{} wait", scene.waiting.len());
}
