//! The operations, in the order of the API reference.

mod get_schedule;
mod groups;
mod list_schedules;
mod members;
mod page;
mod put_schedule;
mod tags;

use anabranch_protocol::{Answer, ApiError, Call};

use crate::limits::BODY_BYTES_MAX;
use crate::scheduler::Scheduler;

/// Performs an operation of the service's model.
pub(crate) async fn perform(scheduler: &Scheduler, call: &Call) -> Result<Answer, ApiError> {
    let (context, operation) = (&call.context, call.operation.name);
    if call.body().len() > BODY_BYTES_MAX {
        return Err(ApiError::validation(format!("The request must be smaller than {BODY_BYTES_MAX} bytes.")));
    }
    match operation {
        "CreateSchedule" => call.answer(&put_schedule::create_schedule(scheduler, context, call.input()?).await?),
        "CreateScheduleGroup" => call.answer(&groups::create_schedule_group(scheduler, context, call.input()?).await?),
        "DeleteSchedule" => call.answer(&get_schedule::delete_schedule(scheduler, context, &call.input()?).await?),
        "DeleteScheduleGroup" => call.answer(&groups::delete_schedule_group(scheduler, context, &call.input()?).await?),
        "GetSchedule" => call.perform(|context, input| get_schedule::get_schedule(scheduler, context, &input)),
        "GetScheduleGroup" => call.perform(|context, input| groups::get_schedule_group(scheduler, context, &input)),
        "ListScheduleGroups" => call.perform(|context, input| groups::list_schedule_groups(scheduler, context, &input)),
        "ListSchedules" => call.perform(|context, input| list_schedules::list_schedules(scheduler, context, &input)),
        "ListTagsForResource" => call.perform(|_, input| tags::list_tags_for_resource(scheduler, &input)),
        "TagResource" => call.answer(&tags::tag_resource(scheduler, call.input()?).await?),
        "UntagResource" => call.answer(&tags::untag_resource(scheduler, call.input()?).await?),
        "UpdateSchedule" => call.answer(&put_schedule::update_schedule(scheduler, context, call.input()?).await?),
        other => Err(ApiError::unknown_operation(other)),
    }
}
