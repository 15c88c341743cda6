//! Which version of `infra/member-role.yaml` the role has that calls.

use phonehome_aws::OfSdk as _;
use phonehome_cloud::{Class, CloudError};
use phonehome_planner::template_mark;

use super::AwsStack;

const OPERATION: &str = "scheduler:GetSchedule";

/// Whether the role may ask for the mark of this version: a right and its mark come with the same role, and nothing
/// else in the account can say of it what is not so. The schedule itself is nowhere.
pub(super) async fn has_template(stack: &AwsStack, version: u32) -> Result<bool, CloudError> {
    let mark = template_mark(version);
    match stack.scheduler.get_schedule().name(&mark).send().await {
        Ok(_) => Ok(true),
        Err(error) => of_refusal(CloudError::of(OPERATION, &mark, &error)),
    }
}

fn of_refusal(error: CloudError) -> Result<bool, CloudError> {
    match error.class() {
        _ if error.says_missing() => Ok(true),
        Class::Denied => Ok(false),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use phonehome_cloud::Cause;

    use super::*;

    #[test]
    fn who_may_ask_for_the_mark_has_the_version_who_may_not_has_an_older_one_and_anything_else_says_nothing()
    {
        let refused = |code: &str| CloudError::service(OPERATION, "phonehome-member-template-2", code, "m");
        for (code, has) in [("ResourceNotFoundException", true), ("AccessDeniedException", false)] {
            assert_eq!(of_refusal(refused(code)), Ok(has), "{code}");
        }
        let timeout = CloudError::of_cause(OPERATION, "phonehome-member-template-2", Cause::Timeout);
        for error in [refused("ThrottlingException"), refused("ExpiredTokenException"), timeout] {
            assert_eq!(of_refusal(error.clone()), Err(error));
        }
    }

    #[tokio::test]
    async fn the_mark_is_asked_for_by_one_call_that_changes_nothing() {
        let cloud = super::super::test_cloud::TestCloud::new(|_| String::new()).await;
        let stack = super::super::test_cloud::stack(&cloud).await;
        assert_eq!(has_template(&stack, 3).await, Ok(true), "somebody made a schedule of that name");
        let requests = cloud.take_requests();
        assert!(
            requests.len() == 1 && requests[0].starts_with("GET /schedules/phonehome-member-template-3"),
            "{requests:?}"
        );
    }
}
