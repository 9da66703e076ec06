//! Secured connections to a real server with a certificate of its own: used when it is trusted, refused
//! when not, and never replaced by the clear.

use super::world::World;
use crate::support::smtp_sink::{OwnCertificate, Secured, SmtpSink};
use server::{channel::check_certificate, setting::SettingError};
use signalbox::wire::{EmailChannel, MessageState, SmtpSecurity};

const HOST: &str = "127.0.0.1";
const WAYS: [(SmtpSecurity, Secured); 2] =
    [(SmtpSecurity::Starttls, Secured::OnDemand), (SmtpSecurity::Tls, Secured::AtOnce)];

#[tokio::test]
async fn a_message_leaves_over_a_connection_whose_certificate_is_trusted() {
    for (security, secured) in WAYS {
        let own = OwnCertificate::of(HOST);
        let sink = SmtpSink::start_secured(&own, secured).await;
        let world = World::sandbox().await;
        world.use_server(sink.port, security, Some(&own.pem)).await;
        let channel = world.gate.channels().email(world.organization).await.unwrap();
        assert!(channel.probe().await.is_ok(), "{security:?}");
        let (_, message) = world.draft().await;
        world.approve().await;
        world.gate.step().await.unwrap();
        let sent = world.message(message).await;
        assert_eq!(sent.state, MessageState::Accepted, "{security:?}: {}", sent.detail);
        let received = sink.received();
        assert_eq!(received.len(), 1, "{security:?}");
        assert!(received[0].secured, "{security:?}");
        let text = String::from_utf8_lossy(&received[0].data).into_owned();
        assert!(text.contains("Subject: Welcome, Ada"), "{text}");
        assert_eq!(sink.heard("STARTTLS"), security == SmtpSecurity::Starttls);
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_or_of_another_host_is_refused() {
    for (security, secured) in WAYS {
        let (own, other) = (OwnCertificate::of(HOST), OwnCertificate::of(HOST));
        let elsewhere = OwnCertificate::of("mail.example.com");
        // What the server shows, what is trusted.
        let cases = [(&own, None), (&own, Some(&other.pem)), (&elsewhere, Some(&elsewhere.pem))];
        for (number, (shown, trusted)) in cases.into_iter().enumerate() {
            let sink = SmtpSink::start_secured(shown, secured).await;
            let world = World::sandbox().await;
            world.use_server(sink.port, security, trusted.map(String::as_str)).await;
            let (_, message) = world.draft().await;
            world.approve().await;
            world.gate.step().await.unwrap();
            let waiting = world.message(message).await;
            let case = format!("{security:?}, case {number}: {}", waiting.detail);
            assert_eq!(waiting.state, MessageState::RetryWait, "{case}");
            assert!(waiting.detail.to_lowercase().contains("certificate"), "{case}");
            assert!(sink.received().is_empty() && !sink.heard("MAIL"), "{case}");
            let channel = world.gate.channels().email(world.organization).await.unwrap();
            assert!(channel.probe().await.is_err(), "{case}");
        }
    }
}

#[tokio::test]
async fn only_a_certificate_is_taken_as_one() {
    let own = OwnCertificate::of(HOST);
    assert_eq!(check_certificate(&own.pem), Ok(()));
    let broken = own.pem.replacen("\nMII", "\nMIX", 1);
    let with_key =
        format!("{}-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", own.pem);
    let long = "x".repeat(70_000);
    let world = World::sandbox().await;
    let settings = world.gate.channels().settings();
    for bad in [
        "",
        "hello",
        &broken,
        &with_key,
        &long,
        "-----END CERTIFICATE----------BEGIN CERTIFICATE-----",
    ] {
        let channel = EmailChannel::Smtp {
            host: HOST.into(),
            port: 25,
            security: SmtpSecurity::Tls,
            username: None,
            password: None,
            ca_certificate: Some(bad.to_owned()),
            from: "Shop <shop@example.com>".into(),
        };
        let refused = settings.email_set(world.organization, &channel, world.clock.now()).await;
        let wrong = matches!(&refused, Err(SettingError::Invalid { field: "ca_certificate", .. }));
        assert!(wrong, "{refused:?}");
    }
}
