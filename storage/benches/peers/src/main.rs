//! The log of `anabranch-storage` beside other logs, at equal durability: every record that is
//! acknowledged has been flushed to the disk. See `README.md` for how to run it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step ends the measurement")]

mod bare;
mod contender;
mod fjall;
mod group;
mod measure;
mod nats;
mod okay;
mod options;
mod ours;
mod raft;
mod redb;
mod redis;
mod server;
mod table;

use contender::Contender;
use measure::Work;
use options::Options;

/// Ours comes first: the others are compared with it.
const CONTENDERS: [&dyn Contender; 8] =
    [&ours::Ours, &bare::Bare, &raft::Raft, &okay::Okay, &fjall::Fjall, &redb::Redb, &redis::Redis, &nats::Nats];

const WORK: [Work; 5] = [
    Work { name: "1 writer, 1 × 1 KiB", writers: 1, batch: 1 },
    Work { name: "8 writers, 1 × 1 KiB", writers: 8, batch: 1 },
    Work { name: "64 writers, 1 × 1 KiB", writers: 64, batch: 1 },
    Work { name: "1 writer, 100 × 1 KiB", writers: 1, batch: 100 },
    Work { name: "1 writer, 1,024 × 1 KiB", writers: 1, batch: 1024 },
];

fn main() {
    let options = Options::read();
    for name in &options.only {
        assert!(CONTENDERS.iter().any(|contender| contender.name() == name), "no contender is called {name}");
    }
    let contenders = taking_part(&options);
    table::head();
    for work in &WORK {
        let mut rates = vec![Vec::new(); contenders.len()];
        for _ in 0..options.runs {
            for (contender, rates) in contenders.iter().zip(&mut rates) {
                rates.push(measure::run(*contender, work, options.run, &options.directory));
            }
        }
        table::rows(work, &contenders, &rates);
    }
    if contenders.iter().any(|contender| contender.name() == bare::Bare.name()) {
        table::foot();
    }
}

/// Those that can be measured here and are wanted; says of each other one why it is left out.
fn taking_part(options: &Options) -> Vec<&'static dyn Contender> {
    let mut taking_part = CONTENDERS.to_vec();
    taking_part.retain(|contender| {
        let name = contender.name();
        let reason = if !options.only.is_empty() && !options.only.iter().any(|only| only == name) {
            Some("--only does not name it".into())
        } else if options.skip_servers && contender.is_server() {
            Some("--skip-servers".into())
        } else {
            contender.missing()
        };
        if let Some(reason) = &reason {
            println!("left out: {name}: {reason}");
        }
        reason.is_none()
    });
    taking_part
}
