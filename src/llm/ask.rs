//! One request by itself: sent under the limits of its model until there is an answer, a failure that no repetition
//! mends, or no attempt left.

use super::engine::engine;
use super::error::LlmError;
use super::http::{self, Response};
use super::job::{Done, Job, Outcome, stopped};
use super::json;
use super::ledger::{self, Kept};
use super::reply::Reply;
use super::request_error::RequestError;
use super::retry;
use super::run::Run;
use super::schema::shorten;
use super::store::Claim;
use super::wait;
use std::time::Duration;

/// Time between two looks whether another process has its answer.
const LOOK: Duration = Duration::from_millis(50);

/// The outcome of a job, which is in the store by then if anything was sent. Whoever sends has the claim of the request
/// and a place among those in flight, and gives both back when the outcome is on disk.
///
/// # Errors
///
/// Where the run ends, or the outcome cannot be stored.
pub(crate) async fn ask(run: &Run, job: &Job) -> Result<Done, LlmError> {
    let ended = |outcome| Ok(Done { hash: job.hash, outcome, cached: false });
    let answered = |outcome: Box<Outcome>| Ok(Done { hash: job.hash, outcome: *outcome, cached: true });
    if let Some(outcome) = run.failure(&job.hash) {
        return ended(outcome);
    }
    run.store.written(std::iter::once(&job.hash)).await?;
    let (model, lane) = (&run.settings.models[job.model], &run.lanes[job.model]);
    let (provider, task) = (model.provider, &run.settings.task);
    let client = engine()?.clients.of(model);
    let url = provider.url(model);
    let mut attempts = 0;
    let mut claim = None;
    loop {
        if let Some(reason) = lane.stopped() {
            return ended(Outcome::failed(attempts, stopped(reason)));
        }
        let Some(permit) = run.unless_halted(lane.enter()).await? else {
            return ended(Outcome::failed(attempts, "not sent".to_string()));
        };
        let permit = match claim {
            Some(_) => permit,
            None => match turn(run, job)? {
                Turn::Mine(mine) => {
                    claim = Some(mine);
                    permit
                }
                Turn::Answered(outcome) => {
                    lane.leave(permit, false);
                    return answered(outcome);
                }
                Turn::Theirs => {
                    // another request takes the place meanwhile
                    lane.leave(permit, false);
                    match next_turn(run, job).await? {
                        Turn::Answered(outcome) => return answered(outcome),
                        Turn::Mine(mine) => claim = Some(mine),
                        Turn::Theirs => {}
                    }
                    continue;
                }
            },
        };
        let reserved = match ledger::admit(run, job).await? {
            Ok(reserved) => reserved,
            Err(refused) => {
                lane.leave(permit, false);
                return ended(Outcome::failed(attempts, refused));
            }
        };
        let estimate = lane.estimate(&task.prompt, &job.text, model.max_tokens);
        run.unless_halted(lane.pace(&estimate)).await?;
        if let Some(reason) = lane.stopped() {
            ledger::book(run, job, reserved, None);
            lane.leave(permit, false);
            return ended(Outcome::failed(attempts, stopped(reason)));
        }
        attempts += 1;
        let request = client.post(&url).json(&provider.body(model, task, &job.text));
        let read = http::send(model, request, run.settings.timeout, http::LONGEST_ANSWER).await.and_then(|response| {
            let body = json::read(&response.body)
                .ok_or_else(|| RequestError::lost(format!("response is not JSON: {}", shorten(&response.body))))?;
            Ok::<(Reply, Response), RequestError>((provider.read(task, &response.headers, &body)?, response))
        });
        match read.map_err(|error| model.redact_error(error)) {
            Ok((mut reply, response)) => {
                if let Some(pause) = response.pause {
                    lane.hold(pause.min(wait::LONGEST));
                }
                lane.learn(&estimate, &reply.usage);
                reply.request_id = response.request_id.or(reply.request_id);
                let outcome = ledger::outcome(model, task, reply, attempts, false);
                ledger::book(run, job, reserved, Some(&outcome));
                ledger::keep(run, vec![Kept { job, outcome: &outcome, response: Some(response.body), claim }]).await?;
                lane.leave(permit, true);
                return ended(outcome);
            }
            Err(error) => {
                ledger::book(run, job, reserved, None);
                if error.overloaded && !error.stop {
                    lane.slow_down(error.wait);
                }
                if error.stop {
                    lane.stop(&error.message);
                }
                let Some(wait) = retry::wait(&error, attempts, run.settings.max_attempts, &job.hash) else {
                    let outcome = Outcome::failed(attempts, error.message);
                    ledger::keep(run, vec![Kept { job, outcome: &outcome, response: None, claim }]).await?;
                    lane.leave(permit, false);
                    return ended(outcome);
                };
                lane.leave(permit, false);
                run.unless_halted(tokio::time::sleep(wait)).await?;
            }
        }
    }
}

/// Whose turn it is to ask, among processes.
enum Turn {
    Mine(Claim),
    Theirs,
    /// Nobody's: it has been asked.
    Answered(Box<Outcome>),
}

fn turn(run: &Run, job: &Job) -> Result<Turn, LlmError> {
    let Some(claim) = run.store.claim(&job.hash)? else { return Ok(Turn::Theirs) };
    // only after the claim: an answer that came before it is found, one that comes after it is ours
    let answer = run.store.lookup(&[job.hash])?.remove(&job.hash);
    Ok(answer.map_or(Turn::Mine(claim), |outcome| Turn::Answered(Box::new(outcome))))
}

/// The turn once no other process asks.
async fn next_turn(run: &Run, job: &Job) -> Result<Turn, LlmError> {
    loop {
        run.unless_halted(tokio::time::sleep(LOOK)).await?;
        match turn(run, job)? {
            Turn::Theirs => {}
            turn => return Ok(turn),
        }
    }
}
