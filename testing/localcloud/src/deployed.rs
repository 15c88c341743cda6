//! What the platform team deploys: the stacks of the hub, of its people and of the management account.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::local_cloud::{
    HUB_ACCOUNT, LocalCloud, MANAGEMENT_ACCOUNT, NEW_RELIC_USER_KEY, ORGANIZATION, REGION,
};
use crate::package::{architecture, release_binary};
use crate::{Deployment, Place, package};

/// The functions of the hub, whose zips its template names.
const FUNCTIONS: [&str; 6] = ["provisioner", "collector", "alerter", "notifier", "rollouts", "vendor"];

impl LocalCloud {
    /// Deploys `infra/hub.yaml`, `infra/operator.yaml` and `infra/management.yaml`, puts Slack's token in
    /// and subscribes on-call.
    ///
    /// # Errors
    /// When a stack fails; the error names the resources and reasons.
    pub async fn deploy(&mut self) -> Result<()> {
        let artifacts = self.package()?;
        let overdue = self.options.overdue_after_seconds.to_string();
        let interval = self.options.schedule_seconds.to_string();
        let new_relic = "phonehome/new-relic-user-key";
        let new_relic = self.control.make_secret(&Self::hub_place(), new_relic, NEW_RELIC_USER_KEY).await?;
        let hub = self.deployment(
            Self::hub_place(),
            "phonehome-hub",
            "hub.yaml",
            &[
                ("OrganizationId", ORGANIZATION),
                ("ManagementAccountId", MANAGEMENT_ACCOUNT),
                ("Architecture", architecture()),
                ("RequeueDelaySeconds", "1"),
                ("OverdueAfterSeconds", &overdue),
                ("ProbeIntervalSeconds", &interval),
                ("NewRelicUserKeySecretArn", &new_relic),
                // Nobody replays what this machine does.
                ("ReportRetentionDays", "0"),
            ],
        );
        self.hub = self
            .control
            .deploy(&Deployment { artifacts, ..hub })
            .await
            .context("deploying infra/hub.yaml")?;
        let root = format!("arn:aws:iam::{HUB_ACCOUNT}:root");
        let people = self.deployment(
            Self::hub_place(),
            "phonehome-people",
            "operator.yaml",
            &[("OperatorPrincipals", root.as_str()), ("ViewerPrincipals", root.as_str())],
        );
        self.control.deploy(&people).await.context("deploying infra/operator.yaml")?;
        let management = self.deployment(
            Place::new(MANAGEMENT_ACCOUNT, REGION),
            "phonehome-management",
            "management.yaml",
            &[
                ("HubBusArn", self.output("BusArn")?),
                ("HubAccountId", HUB_ACCOUNT),
                ("KeepProperties", "true"),
            ],
        );
        self.control.deploy(&management).await.context("deploying infra/management.yaml")?;
        let hub = Self::hub_place();
        // Not a token anywhere: the local receiver takes any.
        self.control.set_secret(&hub, self.output("SlackTokenArn")?, "xoxb-local").await?;
        let page_url = self.receiver.page_url();
        self.control.subscribe(&hub, self.output("PageTopicArn")?, &page_url).await
    }

    pub(crate) fn deployment(
        &self,
        place: Place,
        stack: &str,
        template: &str,
        parameters: &[(&str, &str)],
    ) -> Deployment {
        Deployment {
            place,
            stack: stack.to_owned(),
            template: self.options.repository.join("infra").join(template),
            parameters: parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            artifacts: BTreeMap::new(),
        }
    }

    /// Zips the release binaries as `cargo xtask package` does for AWS.
    fn package(&self) -> Result<BTreeMap<String, PathBuf>> {
        let probe = self.options.folder.join("probe.zip");
        package(&release_binary(&self.options.repository, "phonehome-probe")?, &[], &probe)?;
        let mut artifacts = BTreeMap::new();
        for function in FUNCTIONS {
            let zip = self.options.folder.join(format!("{function}.zip"));
            let extra: &[(&str, &Path)] =
                if function == "provisioner" { &[("probe.zip", probe.as_path())] } else { &[] };
            package(
                &release_binary(&self.options.repository, &format!("phonehome-{function}"))?,
                extra,
                &zip,
            )?;
            artifacts.insert(format!("../target/lambda/{function}"), zip);
        }
        Ok(artifacts)
    }
}
