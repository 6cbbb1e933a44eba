"""A page that shows which task runs on which node, as the manager's Docker API says it."""
import html
import http.client
import json
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SOCKET = '/var/run/docker.sock'

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="2"><title>Tasks</title>
<style>
  body {{ font: 1rem sans-serif; margin: 2rem }} main {{ display: flex; flex-wrap: wrap; gap: 1rem }}
  section {{ border: 1px solid #aaa; border-radius: .5rem; padding: 0 1rem 1rem; min-width: 14rem }}
  li {{ margin: .3rem 0 }} ul {{ list-style: none; padding: 0 }} .running {{ color: #1a7f64 }} .other {{ color: #a33 }}
</style>
<h1>Which task runs where</h1>
<main>{nodes}</main>
"""


class Connection(http.client.HTTPConnection):
    """HTTP over the unix socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(5)
        self.sock.connect(SOCKET)


def ask(path):
    connection = Connection('docker')
    try:
        connection.request('GET', path)
        answer = connection.getresponse()
        body = json.loads(answer.read())
    finally:
        connection.close()
    if answer.status != 200:
        raise OSError(body.get('message', f'{path}: status {answer.status}'))
    return body


def page():
    services = {service['ID']: service['Spec']['Name'] for service in ask('/services')}
    tasks = [task for task in ask('/tasks') if task['DesiredState'] == 'running']
    nodes = []
    for node in sorted(ask('/nodes'), key=lambda node: node['Description']['Hostname']):
        items = []
        for task in tasks:
            if task.get('NodeID') == node['ID']:
                slot = task.get('Slot') or node['ID']
                state = task['Status']['State']
                items.append(
                    f'<li class="{"running" if state == "running" else "other"}">'
                    f'{html.escape(services.get(task["ServiceID"], task["ServiceID"]))}.{slot}: {html.escape(state)}</li>'
                )
        name, state = html.escape(node['Description']['Hostname']), html.escape(node['Status']['State'])
        nodes.append(f'<section><h2>{name}</h2>{node["Spec"]["Role"]}, {state}<ul>{"".join(sorted(items))}</ul></section>')
    return PAGE.format(nodes='\n'.join(nodes))


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            body = page().encode()
        except (OSError, http.client.HTTPException) as error:
            return self.send_error(503, 'The manager does not answer', str(error))
        self.send_response(200)
        self.send_header('Content-Type', 'text/html; charset=utf-8')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)


signal.signal(signal.SIGTERM, lambda *_: sys.exit())
ThreadingHTTPServer(('', 8080), Page).serve_forever()
