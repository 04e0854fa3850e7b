//! Whole traces through the crate's door: what is read, refused and written.

#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at whatever it did not expect"
)]

use usher_waits::evaluate::{EvaluateError, run};

const HEADER: &str = "visit_id,service,arrival_s,call_s,finish_s,counter,outcome\n";
const PLAN: &str = "counter,services,open_s,close_s\nA,renew apply,0,40000\nB,renew,0,40000\n";

fn evaluate(trace: &str, counters: &str) -> Result<Vec<(String, Vec<f64>)>, EvaluateError> {
    let mut out = Vec::new();
    run(trace.as_bytes(), counters.as_bytes(), &mut out)?;
    let text = String::from_utf8(out).unwrap();
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("visit_id,mean_s,p05_s,p25_s,p50_s,p75_s,p95_s,les_s,hol_s,ql_s")
    );
    Ok(lines
        .map(|line| {
            // The id may have commas, the numbers have none.
            let mut fields: Vec<&str> = line.rsplitn(10, ',').collect();
            let id = fields.pop().unwrap().to_owned();
            let numbers = fields.iter().rev().map(|n| n.parse().unwrap());
            (id, numbers.collect())
        })
        .collect())
}

fn refusal(trace: &str, counters: &str) -> String {
    evaluate(trace, counters).unwrap_err().to_string()
}

fn refused(row: &str) -> String {
    refusal(&format!("{HEADER}ok,renew,1,2,3,A,served\n{row}\n"), PLAN)
}

#[test]
fn each_visit_has_finite_numbers_in_the_order_of_arrival() {
    // Unsorted, quoted, with a service that no counter has, visits that left at a
    // known and at an unknown time, one still in service, a counter in no plan, and
    // no newline at the end.
    let trace = format!(
        "{HEADER}late,renew,900,1000,1300,B,served\n\
         \"first, quoted\",\"apply\",10,10,700,A,served\n\
         gone,renew,20,,400,,left\n\
         unseen,renew,30,,,,left\n\
         orphan,passport,40,,,,left\n\
         beyond,apply,50,300,,\"Z\",served\n\
         noshow,renew,60,500,510,B,left"
    );
    let rows = evaluate(&trace, PLAN).unwrap();
    let ids: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
    let expected = [
        "\"first, quoted\"",
        "gone",
        "unseen",
        "orphan",
        "beyond",
        "noshow",
        "late",
    ];
    assert_eq!(ids, expected);
    for (id, numbers) in &rows {
        assert_eq!(numbers.len(), 9, "{id}");
        assert!(numbers.iter().all(|n| n.is_finite() && *n >= 0.0), "{id}");
        let quantiles = &numbers[1..6];
        assert!(quantiles.is_sorted(), "{id}: {quantiles:?}");
    }
}

#[test]
fn a_free_counter_promises_no_wait() {
    let rows = evaluate(&format!("{HEADER}a,renew,100,100,200,B,served\n"), PLAN).unwrap();
    assert_eq!(rows[0].1, vec![0.0; 9]);
}

#[test]
fn a_counter_that_opens_later_is_waited_for() {
    let plan = "counter,services,open_s,close_s\nA,s,3600,9000\n";
    let rows = evaluate(&format!("{HEADER}a,s,600,,,,left\n"), plan).unwrap();
    assert_eq!(rows[0].1[0], 3000.0);
}

#[test]
fn a_file_of_another_system_reads_the_same() {
    let rows = "a,renew,1,50,90,A,served\nb,apply,60,95,99,A,served\n";
    let ours = evaluate(&format!("{HEADER}{rows}"), PLAN).unwrap();
    let foreign = format!("\u{feff}{HEADER}{rows}\n").replace('\n', "\r\n");
    let plan = PLAN.replace('\n', "\r\n");
    assert_eq!(evaluate(&foreign, &plan).unwrap(), ours);
    let columns = "outcome,counter,finish_s,call_s,arrival_s,service,visit_id,note\n\
                   served,A,90,50,1,renew,a,x\nserved,A,99,95,60,apply,b,\n";
    assert_eq!(evaluate(columns, PLAN).unwrap(), ours);
}

#[test]
fn refusals_name_the_line_and_what_to_do() {
    let cases = [
        (
            "x,renew,abc,2,3,A,served",
            "line 3 of the trace: arrival_s is \"abc\"",
        ),
        ("x,renew,,2,3,A,served", "arrival_s is empty; give"),
        (
            "x,renew,5,2,3,A,served",
            "call_s 2 is before arrival_s 5; correct",
        ),
        ("x,renew,1,5,3,A,served", "finish_s 3 is before 5"),
        (
            "x,renew,1,,3,A,served",
            "a served visit has no call_s; give",
        ),
        (
            "x,renew,1,2,3,A,lost",
            "the outcome \"lost\" is not known; write served or left",
        ),
        (
            "x,renew,1,2,3",
            "there are 5 fields, but the header has 7; add",
        ),
        (
            "ok,renew,1,2,3,A,served",
            "is on line 2 already; give each visit",
        ),
        ("x,renew,NaN,2,3,A,served", "not a number of seconds; write"),
        (",renew,1,2,3,A,served", "visit_id is empty; give"),
    ];
    for (row, part) in cases {
        let said = refused(row);
        assert!(said.contains(part), "{row}: {said}");
        assert!(said.starts_with("line 3 of the trace"), "{row}: {said}");
    }
    let said = refusal("visit_id,service\n", PLAN);
    assert!(
        said.contains("no column arrival_s; the header must be visit_id,"),
        "{said}"
    );
    let said = refusal(HEADER, "counter,services,open_s,close_s\nA,s,9,8\n");
    assert!(
        said.contains("line 2 of the counters: close_s 8 is before open_s 9"),
        "{said}"
    );
    let mut many = HEADER.to_owned();
    for i in 0..70 {
        many += &format!("v{i},s{i},{i},,,,left\n");
    }
    assert!(refusal(&many, PLAN).contains("one service too many; put services together"));
}

#[test]
fn an_empty_trace_and_an_empty_plan_are_no_errors() {
    assert!(evaluate(HEADER, PLAN).unwrap().is_empty());
    let rows = evaluate(
        &format!("{HEADER}a,s,1,50,90,A,served\nb,s,60,95,99,A,served\n"),
        "counter,services,open_s,close_s\n",
    );
    assert_eq!(rows.unwrap().len(), 2);
}
