"""Pomodoros that were done, as JSON: GET / lists them, POST / with {"task": "…"} notes one. They are kept in MariaDB."""
import json
import os
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pymysql

TABLE = 'CREATE TABLE IF NOT EXISTS pomodoros (id INT AUTO_INCREMENT PRIMARY KEY, task VARCHAR(200) NOT NULL)'


def ask(*statement):
    """What the database answers to a statement, as rows."""
    database = pymysql.connect(
        host=os.environ['DB_HOST'],
        user=os.environ['DB_USER'],
        password=os.environ['DB_PASSWORD'],
        database=os.environ['DB_NAME'],
        connect_timeout=2,
        autocommit=True,
    )
    with database, database.cursor() as cursor:
        cursor.execute(TABLE)
        cursor.execute(*statement)
        return cursor.fetchall()


class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        self.ask('SELECT id, task FROM pomodoros ORDER BY id')

    def do_POST(self):
        try:
            task = json.loads(self.rfile.read(int(self.headers.get('Content-Length', 0))))['task']
        except (ValueError, KeyError, TypeError):
            return self.answer(400, {'message': 'send {"task": "what was done"}'})
        self.ask('INSERT INTO pomodoros (task) VALUES (%s)', (task,))

    def ask(self, *statement):
        try:
            rows = ask(*statement)
        except pymysql.Error as error:
            print(f'The database: {error}', file=sys.stderr)
            return self.answer(503, {'message': f'the database does not answer: {error}'})
        self.answer(200, {'pomodoros': [task for _, task in rows], 'host': socket.gethostname()})

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)


signal.signal(signal.SIGTERM, lambda *_: sys.exit())
print(f'Listening on port 80, with the database at {os.environ["DB_HOST"]}')
ThreadingHTTPServer(('', 80), Api).serve_forever()
