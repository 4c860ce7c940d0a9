//! The ceiling: a bare actix handler that returns a fixed body.

use std::io;
use std::net::SocketAddr;
use std::thread;

use actix_web::{App, HttpResponse, HttpServer, web};

/// Serves `size` bytes of `application/json` at `/`, with as many workers as the
/// service, to the end of the process.
pub fn start(workers: usize, size: usize) -> io::Result<SocketAddr> {
    let (address, started) = std::sync::mpsc::channel();
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                let body = web::Bytes::from(vec![b' '; size]);
                App::new().route(
                    "/",
                    web::get().to(move || {
                        let body = body.clone();
                        async move {
                            HttpResponse::Ok()
                                .content_type("application/json")
                                .body(body)
                        }
                    }),
                )
            })
            .workers(workers)
            .disable_signals()
            .bind(("127.0.0.1", 0))?;
            let bound = server.addrs()[0];
            address.send(bound).map_err(io::Error::other)?;
            server.run().await
        })
    });
    started.recv().map_err(io::Error::other)
}
