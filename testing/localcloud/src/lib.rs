//! The local cloud: an AWS emulator with what it lacks added, the people's side of it (deploying,
//! looking, breaking), and stand-ins for Slack, on-call and the targets of checks. All of it
//! listens on 127.0.0.1 only. `README.md` beside this says what is like AWS and what is not.

mod bridge;
mod control;
pub mod cost;
mod days;
mod deployed;
mod emulator;
mod history;
mod http;
mod interrupt;
mod jobs;
mod listeners;
mod local_cloud;
mod member_role;
mod messages;
mod moto;
mod package;
mod past;
mod people;
pub mod proxy;
mod receiver;
mod seen;
mod shell;
mod slack;
mod stage;
pub mod venv;
mod view;
mod wishes;

pub use control::{Control, Deployment, Outputs};
pub use emulator::{Emulator, EmulatorOptions};
pub use interrupt::unless_interrupted;
pub use jobs::{Answered, Credentials, Job, Refusal};
pub use listeners::{Target, address_of};
pub use local_cloud::{HUB_ACCOUNT, LocalCloud, LocalCloudOptions, MANAGEMENT_ACCOUNT, ORGANIZATION, REGION};
pub use messages::{
    Account, AclEntry, DefaultVpcs, Endpoint, FlowLog, Function, Metric, NatGateway, Network, Peering, Place,
    QueueMessage, Route, RouteTable, Schedule, SecurityGroup, StackEvent, Subnet, Vpc,
};
pub use moto::{Moto, MotoOptions};
pub use package::package;
pub use past::Past;
pub use receiver::Receiver;
pub use seen::{Page, Seen, SlackCall, SlackMessage, SlackReply};
pub use shell::{file_name, shell_file};
pub use slack::SlackMode;
pub use stage::{STAGE_VARIABLE, Service, Stage};
pub use wishes::Wish;
