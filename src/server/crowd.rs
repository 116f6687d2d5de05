//! The connections that are open: how many in all, how many of each client, and which make room where there are too many.
//!
//! In: connections that come and go. Out: a [`Place`] for each, if there is one; the request to leave, for those that are idle
//! while others wait. It must not close anything: a connection that is asked to leave does so itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout};

use super::refusal::Refusal;
use crate::http::activity::Activity;
use crate::http::bounds::Bounds;
use crate::http::household::household;
use crate::limits;

/// All connections of one server.
#[derive(Debug)]
pub struct Crowd {
    permits: Arc<Semaphore>,
    all: usize,
    per_client: usize,
    members: Mutex<Members>,
}

#[derive(Debug, Default)]
struct Members {
    number: u64,
    open: HashMap<u64, Member>,
    clients: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Member {
    activity: Activity,
    /// Taken when it has been asked to leave.
    leave: Option<oneshot::Sender<()>>,
}

/// One connection's place, until this is dropped.
#[derive(Debug)]
pub struct Place {
    crowd: Arc<Crowd>,
    number: u64,
    /// Counted among its client's; `None` before it is known whose it is, and for those that are not counted.
    client: Option<IpAddr>,
    activity: Activity,
    _permit: OwnedSemaphorePermit,
}

/// Tells a connection when it is to make room. Without it, as a connection that has left HTTP, it is not asked.
#[derive(Debug)]
pub struct Leave(oneshot::Receiver<()>);

impl Leave {
    /// Waits until others need the room. To be called again after a wait that was given up, and no more once it has come.
    pub async fn asked(&mut self) {
        if (&mut self.0).await.is_err() {
            // Nobody is left who could ask.
            std::future::pending::<()>().await;
        }
    }
}

impl Crowd {
    pub fn new(bounds: &Bounds) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(bounds.connections)),
            all: bounds.connections,
            per_client: bounds.connections_per_client,
            members: Mutex::default(),
        })
    }

    /// A place for one more. Where all are taken, those that have been idle for longest are asked to leave, again and again
    /// until there is one.
    pub async fn enter(self: &Arc<Self>) -> (Place, Leave) {
        loop {
            if let Some(entered) = self.try_enter() {
                return entered;
            }
            self.make_room();
            let waited = timeout(limits::ROOM_WAIT, Arc::clone(&self.permits).acquire_owned());
            if let Ok(permit) = waited.await {
                return self.place(permit.expect("invariant: never closed"));
            }
        }
    }

    /// A place, if there is one now.
    pub fn try_enter(self: &Arc<Self>) -> Option<(Place, Leave)> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        Some(self.place(permit))
    }

    fn place(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> (Place, Leave) {
        let activity = Activity::begin();
        let (leave, asked) = oneshot::channel();
        let number = {
            let mut members = self.members();
            members.number += 1;
            let number = members.number;
            members.open.insert(number, Member { activity: activity.clone(), leave: Some(leave) });
            number
        };
        (Place { crowd: Arc::clone(self), number, client: None, activity, _permit: permit }, Leave(asked))
    }

    /// Asks the longest idle to leave: a part of all, so that under a flood the walk over all is rare.
    fn make_room(&self) {
        let wanted = (self.all / limits::CONNECTIONS_EVICTED).max(1);
        let mut members = self.members();
        let idle = |(number, member): (&u64, &Member)| {
            let can_leave = member.leave.as_ref().is_some_and(|leave| !leave.is_closed());
            can_leave.then(|| member.activity.idle_since()).flatten().map(|since| (since, *number))
        };
        let mut idle: Vec<(Instant, u64)> = members.open.iter().filter_map(idle).collect();
        if idle.len() > wanted {
            idle.select_nth_unstable(wanted);
            idle.truncate(wanted);
        }
        for (_, number) in idle {
            if let Some(leave) = members.open.get_mut(&number).and_then(|member| member.leave.take()) {
                // It may have ended just now.
                let _ = leave.send(());
            }
        }
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// What happens on the connection.
    pub fn activity(&self) -> &Activity {
        &self.activity
    }

    /// Counts the connection among those of `client`.
    ///
    /// # Errors
    /// The client has as many as it may.
    pub fn count(&mut self, client: IpAddr) -> Result<(), Refusal> {
        let client = household(client);
        let mut members = self.crowd.members();
        let open = members.clients.entry(client).or_default();
        if *open >= self.crowd.per_client {
            return Err(Refusal::Connections);
        }
        *open += 1;
        self.client = Some(client);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut members = self.crowd.members();
        members.open.remove(&self.number);
        if let Some(client) = self.client
            && let Some(open) = members.clients.get_mut(&client)
        {
            *open -= 1;
            if *open == 0 {
                members.clients.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn crowd(connections: usize, connections_per_client: usize) -> Arc<Crowd> {
        Crowd::new(&Bounds { connections, connections_per_client, ..Bounds::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_makes_room_and_who_is_busy_stays() {
        let crowd = crowd(3, 9);
        let (busy, mut asked_busy) = crowd.enter().await;
        let _in_use = busy.activity().enter();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (longest, mut asked_longest) = crowd.enter().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (_shorter, mut asked_shorter) = crowd.enter().await;
        let leaving = tokio::spawn(async move {
            asked_longest.asked().await;
            drop(longest);
        });
        tokio::time::timeout(Duration::from_secs(1), crowd.enter()).await.expect("there should be room");
        leaving.await.unwrap();
        for asked in [&mut asked_busy, &mut asked_shorter] {
            tokio::time::timeout(Duration::from_secs(1), asked.asked()).await.expect_err("it should stay");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_becomes_idle_later_makes_room_too() {
        let crowd = crowd(1, 9);
        let (place, mut asked) = crowd.enter().await;
        let in_use = place.activity().enter();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            drop(in_use);
            asked.asked().await;
            drop(place);
        });
        tokio::time::timeout(Duration::from_secs(6), crowd.enter()).await.expect("there should be room");
    }

    #[tokio::test]
    async fn a_client_has_its_share_and_gives_it_back() {
        let crowd = crowd(9, 2);
        let enter = async |client: &str| {
            let (mut place, _) = crowd.enter().await;
            place.count(client.parse().unwrap()).map(|()| place)
        };
        let first = enter("2001:db8::1").await.unwrap();
        let _second = enter("2001:db8:0:0:ffff::2").await.unwrap();
        assert_eq!(enter("2001:db8::3").await.unwrap_err(), Refusal::Connections);
        let _other = enter("2001:db8:0:1::1").await.unwrap();
        drop(first);
        enter("2001:db8::3").await.unwrap();
        let _four = (enter("192.0.2.1").await.unwrap(), enter("::ffff:192.0.2.1").await.unwrap());
        assert_eq!(enter("192.0.2.1").await.unwrap_err(), Refusal::Connections);
    }
}
