//! Guarantee 8: durable subscribers.

use futures_util::future::join_all;
use interview_relay::store::{Effects, Error, Parked, Timer};

use super::submissions::{committed, fresh, key_write};
use crate::support::engines::on_both_engines;

fn timer(due_at: i64, stream: &str) -> Timer {
    Timer { due_at, kind: "invite.expire".to_owned(), organization: "org_1".to_owned(), stream: stream.to_owned() }
}

on_both_engines! {
    async fn one_node_holds_a_lease_until_it_ends_or_is_given_back(engine: Engine) {
        let (a, b) = (&engine.store, &engine.node().await);
        let first = a.lease("mail", "a", 0, 100).await.expect("asked").expect("free");
        assert_eq!((first.epoch, first.position), (1, 0));
        assert_eq!(b.lease("mail", "b", 99, 200).await.expect("asked"), None, "still a's");
        let renewed = a.lease("mail", "a", 99, 150).await.expect("asked").expect("its own");
        assert_eq!(renewed.epoch, 1, "a renewal is no change of owner");
        assert_eq!(b.lease("mail", "b", 149, 300).await.expect("asked"), None, "renewed");
        let second = b.lease("mail", "b", 150, 300).await.expect("asked").expect("it has ended");
        assert_eq!(second.epoch, 2);
        b.release(&second).await.expect("released");
        assert_eq!(a.lease("mail", "a", 151, 300).await.expect("asked").expect("free").epoch, 3);
        b.release(&second).await.expect("no effect");
        assert_eq!(b.lease("mail", "b", 152, 300).await.expect("asked"), None, "an old lease gives nothing back");
        assert!(b.lease("other", "b", 0, 100).await.expect("asked").is_some(), "subscriptions are independent");
    }

    async fn who_takes_a_place_gives_back_what_was_leased_there(engine: Engine) {
        let before = engine.store.lease("mail", "node_1/a", 0, 100).await.expect("asked").expect("free");
        engine.store.lease("timers", "node_12/a", 0, 100).await.expect("asked").expect("free");
        let next = engine.node().await;
        assert_eq!(next.lease("mail", "node_1/b", 1, 100).await.expect("asked"), None, "a is thought to be there");
        next.release_place("node_1/").await.expect("given back");
        let lease = next.lease("mail", "node_1/b", 1, 100).await.expect("asked").expect("free");
        assert_eq!(lease.epoch, before.epoch + 1, "what the one before still sends is refused");
        assert_eq!(next.lease("timers", "node_1/b", 1, 100).await.expect("asked"), None, "another place");
    }

    async fn of_many_nodes_that_want_a_lease_one_gets_it(engine: Engine) {
        let nodes = [engine.store.clone(), engine.node().await, engine.node().await];
        for round in 0..5 {
            let wanting = nodes.iter().cycle().take(12).cloned().enumerate().map(|(i, store)| {
                tokio::spawn(async move { store.lease("mail", &format!("{round}/{i}"), round * 10, round * 10 + 10).await })
            });
            let leases: Vec<_> = join_all(wanting).await.into_iter().map(|task| task.expect("a task").expect("asked")).collect();
            let got: Vec<_> = leases.into_iter().flatten().collect();
            assert_eq!(got.len(), 1, "{got:?}");
            assert_eq!(got[0].epoch, round + 1);
        }
    }

    /// A zombie comes back with its old lease and writes nothing, neither effects nor checkpoint.
    async fn an_old_epoch_writes_nothing(engine: Engine) {
        let other = engine.node().await;
        let zombie = engine.store.lease("timers", "a", 0, 100).await.expect("asked").expect("free");
        let owner = other.lease("timers", "b", 100, 200).await.expect("asked").expect("it has ended");
        let mut effects = Effects::new(&owner, 5);
        effects.set_timer(timer(1, "inv_1"));
        other.apply(effects).await.expect("applied");
        let mut effects = Effects::new(&zombie, 9);
        effects.set_timer(timer(2, "inv_2"));
        effects.park(Parked { id: "p".to_owned(), position: 9, error: "e".to_owned() }, 0);
        let error = engine.store.apply(effects).await.expect_err("fenced");
        assert!(matches!(&error, Error::LeaseLost(name) if name == "timers"), "{error}");
        assert_eq!(engine.store.due_timers("invite.expire", i64::MAX, 10).await.expect("read"), [timer(1, "inv_1")]);
        assert!(engine.store.parked("timers").await.expect("read").is_empty());
        assert_eq!(engine.number("SELECT position FROM subscriptions").await, 5);
        assert!(committed(&engine.store.commit(fresh("org_1")).await), "the writer goes on");
    }

    async fn the_checkpoint_moves_with_the_effects_or_not_at_all(engine: Engine) {
        let store = &engine.store;
        let lease = store.lease("mail", "a", 0, 100).await.expect("asked").expect("free");
        let mut effects = Effects::new(&lease, 3);
        effects.writes.push(key_write("org_1"));
        store.apply(effects.clone()).await.expect("applied");
        effects.position = 7;
        effects.set_timer(timer(1, "inv_1"));
        store.apply(effects).await.expect_err("the row is there already");
        assert!(store.due_timers("invite.expire", i64::MAX, 10).await.expect("read").is_empty());
        let resumed = engine.node().await.lease("mail", "b", 100, 200).await.expect("asked").expect("it has ended");
        assert_eq!(resumed.position, 3, "resumes where the last effects ended");
    }

    async fn what_is_parked_does_not_block_what_follows(engine: Engine) {
        let store = &engine.store;
        let lease = store.lease("mail", "a", 0, 100).await.expect("asked").expect("free");
        let parked = [4, 5].map(|position| Parked { id: format!("{position:020}"), position, error: "no\nroute".to_owned() });
        let mut effects = Effects::new(&lease, 5);
        parked.iter().for_each(|parked| effects.park(parked.clone(), 42));
        store.apply(effects.clone()).await.expect("applied");
        store.apply(effects).await.expect("applying it again changes nothing");
        store.apply(Effects::new(&lease, 6)).await.expect("applied");
        assert_eq!(store.parked("mail").await.expect("read"), parked);
        assert!(store.parked("other").await.expect("read").is_empty());
        assert_eq!(engine.number("SELECT position FROM subscriptions").await, 6);
    }

    async fn timers_fall_due_in_order_and_once(engine: Engine) {
        let store = &engine.store;
        let lease = store.lease("timers", "a", 0, 100).await.expect("asked").expect("free");
        let timers = [timer(9, "inv_1"), timer(10, "inv_2"), timer(100, "inv_3"), timer(11, "inv_4")];
        let mut effects = Effects::new(&lease, 1);
        timers.iter().for_each(|timer| effects.set_timer(timer.clone()));
        store.apply(effects.clone()).await.expect("applied");
        store.apply(effects).await.expect("setting them again changes nothing");
        assert_eq!(store.due_timers("another kind", i64::MAX, 10).await.expect("read"), []);
        assert_eq!(store.due_timers("invite.expire", 8, 10).await.expect("read"), []);
        assert_eq!(store.due_timers("invite.expire", 10, 10).await.expect("read"), timers[..2]);
        assert_eq!(store.due_timers("invite.expire", 99, 2).await.expect("read"), timers[..2]);
        let mut effects = Effects::new(&lease, 2);
        effects.clear_timers(&timers[..2]);
        effects.set_timer(timer(12, "inv_5"));
        store.apply(effects).await.expect("applied");
        let due = store.due_timers("invite.expire", i64::MAX, 10).await.expect("read");
        assert_eq!(due, [timer(11, "inv_4"), timer(12, "inv_5"), timer(100, "inv_3")]);
    }

    async fn a_timer_that_is_set_anew_is_moved(engine: Engine) {
        let store = &engine.store;
        let lease = store.lease("timers", "a", 0, 100).await.expect("asked").expect("free");
        let other = Timer { kind: "another kind".to_owned(), ..timer(5, "inv_1") };
        let mut effects = Effects::new(&lease, 1);
        // What is said last holds, within one transaction too.
        for timer in [timer(9, "inv_1"), other.clone(), timer(3, "inv_1"), timer(4, "inv_2"), timer(6, "inv_3")] {
            effects.set_timer(timer);
        }
        effects.clear_timer("invite.expire", "inv_3");
        store.apply(effects).await.expect("applied");
        let due = async || store.due_timers("invite.expire", i64::MAX, 10).await.expect("read");
        assert_eq!(due().await, [timer(3, "inv_1"), timer(4, "inv_2")]);
        let mut effects = Effects::new(&lease, 2);
        effects.clear_timers(&[timer(3, "inv_1"), timer(4, "inv_2")]);
        effects.set_timer(timer(8, "inv_1"));
        store.apply(effects).await.expect("applied");
        assert_eq!(due().await, [timer(8, "inv_1")]);
        assert_eq!(store.due_timers("another kind", i64::MAX, 10).await.expect("read"), [other]);
    }

    async fn heartbeats_move_forward_and_are_kept_for_open_sessions_only(engine: Engine) {
        let (store, other) = (&engine.store, engine.node().await);
        let lease = store.lease("sessions", "a", 0, 100).await.expect("asked").expect("free");
        let mut effects = Effects::new(&lease, 1);
        effects.open_heartbeat("ses_1", 10);
        effects.open_heartbeat("ses_2", 10);
        effects.open_heartbeat("ses_3", 10);
        effects.close_heartbeat("ses_3");
        store.apply(effects).await.expect("applied");
        let noted = async |store: &interview_relay::store::Store, seen: &[(&str, i64)]| {
            let seen: Vec<_> = seen.iter().map(|(session, at)| ((*session).to_owned(), *at)).collect();
            store.note_heartbeats(&seen).await.expect("noted");
        };
        let head = engine.number("SELECT position FROM log_head").await;
        noted(store, &[("ses_1", 20), ("ses_2", 5), ("ses_3", 20)]).await;
        noted(&other, &[("ses_1", 15), ("ses_2", 30)]).await;
        let many: Vec<_> = (0..2_500).map(|i| (format!("ses_x{i}"), 1)).collect();
        store.note_heartbeats(&many).await.expect("noted");
        let seen = async || {
            let sessions = ["ses_1", "ses_2", "ses_3", "ses_x1"].map(str::to_owned);
            let mut seen: Vec<_> = store.heartbeats(sessions.into()).await.expect("read").into_iter().collect();
            seen.sort();
            seen
        };
        assert_eq!(seen().await, [("ses_1".to_owned(), 20), ("ses_2".to_owned(), 30)]);
        // A session that is opened again, as after a pause, keeps what is known of it.
        let mut effects = Effects::new(&lease, 2);
        effects.open_heartbeat("ses_1", 12);
        effects.open_heartbeat("ses_2", 40);
        store.apply(effects).await.expect("applied");
        assert_eq!(seen().await, [("ses_1".to_owned(), 20), ("ses_2".to_owned(), 40)]);
        let mut effects = Effects::new(&lease, 3);
        effects.close_heartbeat("ses_1");
        effects.close_heartbeat("ses_2");
        store.apply(effects).await.expect("applied");
        assert_eq!(engine.number("SELECT COUNT(*) FROM heartbeats").await, 0);
        assert_eq!(engine.number("SELECT position FROM log_head").await, head, "nothing of this is an event");
    }

    async fn a_keys_last_use_never_moves_back(engine: Engine) {
        for at in [5, 9, 7] {
            engine.store.note_key_uses(vec![("key_1".to_owned(), at)]).await.expect("noted");
        }
        assert_eq!(engine.number("SELECT used_at FROM api_key_uses").await, 9);
    }
}
