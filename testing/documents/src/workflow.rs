//! Workflows of a code host: jobs and their steps.

use saphyr::{LoadableYamlNode as _, Yaml};

use crate::said::Placed;

/// One file of `.github/workflows`.
#[derive(Debug)]
pub struct Workflow {
    /// From the root of the repository.
    pub path: String,
    /// What its token may do unless a job says otherwise, `contents: read` for instance.
    pub permissions: Vec<String>,
    /// The steps of all jobs.
    pub steps: Vec<Step>,
    /// Jobs that have no time limit.
    pub unlimited: Vec<String>,
}

/// One step of a job.
#[derive(Debug)]
pub struct Step {
    /// `path: job, step 2`.
    pub place: String,
    /// An action, with its version.
    pub uses: Option<String>,
    /// A script.
    pub run: Option<String>,
}

impl Workflow {
    /// Reads a file.
    ///
    /// # Panics
    ///
    /// When it is not YAML or has no jobs: only tests call this.
    #[must_use]
    pub fn new(path: &str, text: &str) -> Self {
        let documents = Yaml::load_from_str(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let file = documents.first().unwrap_or_else(|| panic!("{path} is empty"));
        let permissions =
            entries(file, "permissions").map(|(name, value)| format!("{name}: {}", said(value)));
        let mut workflow = Self {
            path: path.to_owned(),
            permissions: permissions.collect(),
            steps: Vec::new(),
            unlimited: Vec::new(),
        };
        for (name, job) in entries(file, "jobs") {
            if job.as_mapping_get("timeout-minutes").is_none() {
                workflow.unlimited.push(name.clone());
            }
            let steps = job.as_mapping_get("steps").and_then(Yaml::as_sequence).into_iter().flatten();
            workflow.steps.extend(steps.enumerate().map(|(index, step)| Step {
                place: format!("{path}: {name}, step {}", index + 1),
                uses: text_of(step, "uses"),
                run: text_of(step, "run"),
            }));
        }
        assert!(!workflow.steps.is_empty(), "{path} has no steps");
        workflow
    }

    /// What its steps run.
    #[must_use]
    pub fn scripts(&self) -> Vec<Placed<String>> {
        let script = |step: &Step| Some(Placed { place: step.place.clone(), what: step.run.clone()? });
        self.steps.iter().filter_map(script).collect()
    }
}

fn entries<'y>(yaml: &'y Yaml<'y>, key: &str) -> impl Iterator<Item = (String, &'y Yaml<'y>)> {
    let map = yaml.as_mapping_get(key).and_then(Yaml::as_mapping);
    map.into_iter().flatten().map(|(name, value)| (said(name), value))
}

fn text_of(step: &Yaml<'_>, key: &str) -> Option<String> {
    step.as_mapping_get(key).map(said)
}

fn said(yaml: &Yaml<'_>) -> String {
    yaml.as_str().unwrap_or_default().to_owned()
}
