//! One request by itself: sent under the limits of its model until there is an answer, a failure that no repetition
//! mends, or no attempt left.

use super::engine::engine;
use super::error::LlmError;
use super::http::{self, Response};
use super::job::{Job, Outcome, stopped};
use super::json;
use super::ledger;
use super::reply::Reply;
use super::request_error::RequestError;
use super::retry;
use super::run::Run;
use super::schema::shorten;
use super::wait;

/// The outcome of a job, which is in the store by then if anything was sent.
///
/// # Errors
///
/// Where the run ends, or the outcome cannot be stored.
pub(crate) async fn ask(run: &Run, job: &Job) -> Result<Outcome, LlmError> {
    if let Some(outcome) = run.failure(&job.hash) {
        return Ok(outcome);
    }
    let (model, lane) = (&run.settings.models[job.model], &run.lanes[job.model]);
    let (provider, task) = (model.provider, &run.settings.task);
    let client = engine()?.clients.of(model);
    let url = provider.url(model);
    let mut attempts = 0;
    loop {
        let estimate = lane.estimate(&task.prompt, &job.text, model.max_tokens);
        if let Some(reason) = lane.stopped() {
            return Ok(Outcome::failed(attempts, stopped(reason)));
        }
        let Some(permit) = run.unless_halted(lane.enter(&estimate)).await? else {
            return Ok(Outcome::failed(attempts, "not sent".to_string()));
        };
        if let Some(reason) = lane.stopped() {
            lane.leave(permit, false);
            return Ok(Outcome::failed(attempts, stopped(reason)));
        }
        let reserved = match ledger::admit(run, model, &estimate).await? {
            Ok(reserved) => reserved,
            Err(refused) => {
                lane.leave(permit, false);
                return Ok(Outcome::failed(attempts, refused));
            }
        };
        attempts += 1;
        let request = client.post(&url).json(&provider.body(model, task, &job.text));
        let read = http::send(model, request, run.settings.timeout, http::LONGEST_ANSWER).await.and_then(|response| {
            let body = json::read(&response.body)
                .ok_or_else(|| RequestError::lost(format!("response is not JSON: {}", shorten(&response.body))))?;
            Ok::<(Reply, Response), RequestError>((provider.read(task, &response.headers, &body)?, response))
        });
        let read = read.map_err(|error| model.redact_error(error));
        lane.leave(permit, read.is_ok());
        match read {
            Ok((mut reply, response)) => {
                if let Some(pause) = response.pause {
                    lane.hold(pause.min(wait::LONGEST));
                }
                lane.learn(&estimate, &reply.usage);
                reply.request_id = response.request_id.or(reply.request_id);
                let outcome = ledger::outcome(model, reply, attempts, false);
                ledger::book(run, reserved, outcome.cost_usd);
                ledger::keep(run, vec![(job, &outcome, Some(response.body))]).await?;
                return Ok(outcome);
            }
            Err(error) => {
                ledger::book(run, reserved, None);
                if error.overloaded {
                    lane.slow_down(error.wait);
                }
                if error.stop {
                    lane.stop(&error.message);
                }
                let Some(wait) = retry::wait(&error, attempts, run.settings.max_attempts, &job.hash) else {
                    let outcome = Outcome::failed(attempts, error.message);
                    ledger::keep(run, vec![(job, &outcome, None)]).await?;
                    return Ok(outcome);
                };
                run.unless_halted(tokio::time::sleep(wait)).await?;
            }
        }
    }
}
