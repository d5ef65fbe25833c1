//! A client that only counts: what the server can do when nobody holds it up.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

const QUERY: &[u8] = b"SELECT * FROM public.lineitem\0";

fn asked(address: SocketAddr, database: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).unwrap();
    let body = [b"\0\x03\0\0user\0lakeport\0database\0", database.as_bytes(), b"\0\0"].concat();
    socket.write_all(&(body.len() as u32 + 4).to_be_bytes()).unwrap();
    socket.write_all(&body).unwrap();
    let mut frames = Frames::new(socket);
    while frames.next().unwrap() != b'Z' {}
    let mut socket = frames.socket;
    socket.write_all(b"Q").unwrap();
    socket.write_all(&(QUERY.len() as u32 + 4).to_be_bytes()).unwrap();
    socket.write_all(QUERY).unwrap();
    socket
}

/// Messages, of which only the kind is looked at.
struct Frames {
    socket: TcpStream,
    buffer: Vec<u8>,
    from: usize,
    to: usize,
}

impl Frames {
    fn new(socket: TcpStream) -> Self {
        Self { socket, buffer: vec![0; 1 << 20], from: 0, to: 0 }
    }

    fn next(&mut self) -> Option<u8> {
        loop {
            let left = &self.buffer[self.from..self.to];
            if let Some(length) = left.get(1..5) {
                let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
                if left.len() > length {
                    let kind = left[0];
                    self.from += length + 1;
                    return Some(kind);
                }
            }
            self.buffer.copy_within(self.from..self.to, 0);
            (self.from, self.to) = (0, self.to - self.from);
            match self.socket.read(&mut self.buffer[self.to..]).unwrap() {
                0 => return None,
                read => self.to += read,
            }
        }
    }
}

/// Milliseconds from the question to the first row.
pub(crate) fn first_row_ms(address: SocketAddr, database: &str) -> f64 {
    let mut times: Vec<f64> = (0..5)
        .map(|_| {
            let started = Instant::now();
            let mut frames = Frames::new(asked(address, database));
            while frames.next().unwrap() != b'D' {}
            started.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[2]
}

/// Reads all rows; tells when a half and all have come. Gives rows a second.
pub(crate) fn read_all(address: SocketAddr, database: &str, tell: impl Fn(&str)) -> f64 {
    let count = || {
        let mut frames = Frames::new(asked(address, database));
        let (mut rows, mut kind) = (0_u64, b' ');
        while kind != b'Z' {
            kind = frames.next().unwrap();
            rows += u64::from(kind == b'D');
        }
        rows
    };
    let all = count();
    let started = Instant::now();
    let mut frames = Frames::new(asked(address, database));
    let (mut rows, mut kind) = (0, b' ');
    while kind != b'Z' {
        kind = frames.next().unwrap();
        rows += u64::from(kind == b'D');
        if kind == b'D' && rows == all / 2 {
            tell("half");
        }
    }
    let rate = rows as f64 / started.elapsed().as_secs_f64();
    tell("all");
    rate
}
