//! What can be taken away.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

/// One call that takes something away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each variant is the AWS resource of that name, each field its id")]
pub enum RemovalTarget {
    Vpc { id: String },
    Subnet { id: String },
    InternetGatewayAttachment { id: String, vpc_id: String },
    InternetGateway { id: String },
    RouteTable { id: String },
    Route { table_id: String, destination: Ipv4Net },
    NatGateway { id: String },
    ElasticIp { id: String },
    SecurityGroup { id: String },
    NetworkAcl { id: String },
    AclEntry { acl_id: String, number: i32, egress: bool },
    Endpoint { id: String },
    FlowLog { id: String },
    Peering { id: String },
    Function { name: String },
    Schedule { name: String },
}

impl RemovalTarget {
    /// The id, or the name, of what is taken away; of a route, its table's.
    pub fn id(&self) -> &str {
        match self {
            Self::Vpc { id }
            | Self::Subnet { id }
            | Self::InternetGatewayAttachment { id, .. }
            | Self::InternetGateway { id }
            | Self::RouteTable { id }
            | Self::NatGateway { id }
            | Self::ElasticIp { id }
            | Self::SecurityGroup { id }
            | Self::NetworkAcl { id }
            | Self::Endpoint { id }
            | Self::FlowLog { id }
            | Self::Peering { id } => id,
            Self::Route { table_id, .. } => table_id,
            Self::AclEntry { acl_id, .. } => acl_id,
            Self::Function { name } | Self::Schedule { name } => name,
        }
    }
}
