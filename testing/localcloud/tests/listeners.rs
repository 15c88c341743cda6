//! Targets of checks can be taken away and brought back.

use std::time::Duration;

use phonehome_localcloud::{Target, address_of};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_target_accepts_refuses_while_stopped_and_comes_back_on_its_port() {
    let mut target = Target::start(0).await.unwrap();
    let address = target.address();
    assert!(address.ip().is_loopback());
    for _ in 0..3 {
        let mut connection = TcpStream::connect(address).await.unwrap();
        assert_eq!(connection.read(&mut [0]).await.unwrap(), 0, "the target closes");
        target.stop().await;
        let error = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        target.start_again().await.unwrap();
        assert_eq!(target.address(), address);
    }
    assert!(target.start_again().await.unwrap_err().to_string().contains("already listens"));
}

#[tokio::test]
async fn targets_have_ports_of_their_own_that_outgoing_connections_do_not_get() {
    let (first, second) = (Target::start(0).await.unwrap(), Target::start(0).await.unwrap());
    assert_ne!(first.address(), second.address());
    assert!(first.address().port() < 32_768);
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error() {
    let first = Target::start(0).await.unwrap();
    let error = Target::start(first.address().port()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("port {}", first.address().port()));
}

#[tokio::test]
async fn a_target_is_silent_to_whom_it_does_not_answer_and_only_to_them() {
    if !Target::CAN_BE_SILENT {
        return;
    }
    let target = Target::start(0).await.unwrap();
    let (friend, stranger) = ("444455556666", "444455556667");
    target.answer_only(&[friend]).unwrap();
    let connect = async |account: &str| {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((address_of(account), 0).into()).unwrap();
        tokio::time::timeout(Duration::from_millis(300), socket.connect(target.address())).await
    };
    assert!(connect(friend).await.is_ok_and(|connected| connected.is_ok()));
    assert!(connect(stranger).await.is_err(), "it answered");
    target.answer_only(&[friend, stranger]).unwrap();
    assert!(connect(stranger).await.is_ok_and(|connected| connected.is_ok()));
}
