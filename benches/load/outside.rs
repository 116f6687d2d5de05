//! The servers of others, where they are installed: nginx and Varnish, each set up as its manual shows for the job.
//!
//! In: the page and the origin's address. Out: a listening server, or `None` where the program is missing. They must get what makes
//! them fast: one worker on the core that all servers have, no logs, caches in memory.

use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Failure;
use crate::server::{Server, on_core};
use crate::subject::{PLACES, SEGMENTS, Subject, Wanted, fragments};

/// A set-up of such a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// The file as it is, compressed beforehand.
    NginxFile,
    /// From nginx's cache, nothing laid in.
    NginxCache,
    /// The same, with server-side includes.
    NginxIncludes,
    /// The same, with text laid in by substitution.
    NginxSubstitutes,
    /// Varnish with edge-side includes, pages kept plain.
    Varnish,
    /// The same, pages kept compressed.
    VarnishGzip,
}

impl Outside {
    /// Starts it; `None` if its program is not installed.
    pub fn start(self, subject: &Subject, origin: SocketAddr, core: Option<usize>) -> Result<Option<Server>, Failure> {
        let folder = tempfile::tempdir()?;
        let address = free_address()?;
        match self {
            Self::Varnish | Self::VarnishGzip => varnish(folder, address, origin, self == Self::VarnishGzip, core),
            nginx => {
                let site = nginx.site(folder.path(), subject)?;
                start_nginx(folder, address, origin, &site, core)
            }
        }
    }

    /// What stands in nginx's `server` block.
    fn site(self, folder: &Path, subject: &Subject) -> Result<String, Failure> {
        const CACHED: &str = "proxy_pass http://site; proxy_cache pages; proxy_cache_key $uri;";
        Ok(match self {
            Self::NginxFile => {
                let file = folder.join(format!("files{}", Wanted::AsMade.path()));
                fs::create_dir_all(file.parent().ok_or("a file lies in a folder")?)?;
                fs::write(&file, &subject.plain)?;
                fs::write(file.with_extension("html.gz"), &subject.gzip)?;
                format!("root {}; gzip_static on; open_file_cache max=100;", folder.join("files").display())
            }
            Self::NginxIncludes => format!("location / {{ ssi on; {CACHED} }}"),
            Self::NginxSubstitutes => {
                let [title, begin, end] = PLACES;
                format!(
                    "location / {{ {CACHED} sub_filter '{title}' '{title}$greeting'; sub_filter '{begin}' '{begin}$offer'; sub_filter '{end}' '$reading{end}'; }}"
                )
            }
            Self::NginxCache | Self::Varnish | Self::VarnishGzip => format!("location / {{ {CACHED} }}"),
        })
    }
}

/// An address that nobody listens at; somebody may take it before we do, and then the server says so.
fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Where a program is: on the path, or where Debian puts those of the administrator.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn start_nginx(
    folder: TempDir,
    address: SocketAddr,
    origin: SocketAddr,
    site: &str,
    core: Option<usize>,
) -> Result<Option<Server>, Failure> {
    let Some(nginx) = program("nginx") else { return Ok(None) };
    let at = folder.path().display();
    // By tier, what is laid in by substitution.
    let laid_in = ["greeting", "offer", "reading"].iter().enumerate().map(|(place, name)| {
        let values = SEGMENTS.map(|tier| format!("{tier} '{}';", fragments(tier)[place]));
        format!("map $cookie_tier ${name} {{ {} }}\n", values.concat())
    });
    let laid_in: String = laid_in.collect();
    let configuration = format!(
        "daemon off; worker_processes 1; pid {at}/pid; error_log {at}/log; user root;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; keepalive_requests 1000000000; default_type text/html;
  gzip on; gzip_comp_level 6; gzip_proxied any; gzip_min_length 0;
  client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
  proxy_cache_path {at}/cache keys_zone=pages:8m; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Accept-Encoding \"\";
  upstream site {{ server {origin}; keepalive 16; }}
  {laid_in}
  server {{ listen {address}; {site} }}
}}
"
    );
    let file = folder.path().join("nginx.conf");
    fs::write(&file, configuration)?;
    let mut command = on_core(core, nginx.as_os_str());
    command.arg("-p").arg(folder.path()).arg("-c").arg(&file);
    Server::start_program(command, address, folder).map(Some)
}

fn varnish(
    folder: TempDir,
    address: SocketAddr,
    origin: SocketAddr,
    gzip: bool,
    core: Option<usize>,
) -> Result<Option<Server>, Failure> {
    let Some(varnishd) = program("varnishd") else { return Ok(None) };
    let (host, port) = (origin.ip(), origin.port());
    // A fragment is asked for by the visitor's tier, so that each is kept once; the page is one for all.
    let logic = format!(
        "vcl 4.1;
backend site {{ .host = \"{host}\"; .port = \"{port}\"; }}
sub vcl_recv {{
  if (req.esi_level > 0) {{ set req.url = req.url + \"/\" + regsub(req.http.Cookie, \".*tier=([a-z]+).*\", \"\\1\"); }}
  return (hash);
}}
sub vcl_hash {{ hash_data(req.url); return (lookup); }}
sub vcl_backend_response {{ set beresp.do_gzip = {gzip}; if (bereq.url ~ \"^/esi/\") {{ set beresp.do_esi = true; }} }}
"
    );
    let file = folder.path().join("site.vcl");
    fs::write(&file, logic)?;
    let mut command = on_core(core, varnishd.as_os_str());
    command.args(["-F", "-j", "none", "-s", "default,64m", "-p", "gzip_level=6"]);
    command.args(["-p", if gzip { "http_gzip_support=on" } else { "http_gzip_support=off" }]);
    let data = folder.path().join("varnish");
    command.arg("-a").arg(address.to_string());
    command.args([OsStr::new("-n"), data.as_os_str(), OsStr::new("-f"), file.as_os_str()]);
    Server::start_program(command, address, folder).map(Some)
}
