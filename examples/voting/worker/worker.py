"""Takes votes out of Redis and counts them in PostgreSQL: the last one of each voter."""
import json
import os
import signal
import sys
import time

import psycopg2
import redis

TABLE = 'CREATE TABLE IF NOT EXISTS votes (voter text PRIMARY KEY, vote text NOT NULL)'
COUNT = 'INSERT INTO votes VALUES (%s, %s) ON CONFLICT (voter) DO UPDATE SET vote = excluded.vote'


def work():
    """Counts votes for as long as both databases answer."""
    store = redis.Redis('redis', socket_connect_timeout=2, socket_timeout=10)
    database = psycopg2.connect(
        host='db', user='postgres', password=os.environ['POSTGRES_PASSWORD'], connect_timeout=2
    )
    try:
        database.autocommit = True
        with database.cursor() as cursor:
            cursor.execute(TABLE)
            print('Counting votes')
            while True:
                # A vote in hand stays in a list of its own until it is counted: whatever happens, none is lost.
                vote = store.lindex('in hand', -1) or store.blmove('votes', 'in hand', 5, 'LEFT', 'RIGHT')
                if vote:
                    counted = json.loads(vote)
                    cursor.execute(COUNT, (counted['voter'], counted['vote']))
                    store.lrem('in hand', 1, vote)
    finally:
        database.close()


signal.signal(signal.SIGTERM, lambda *_: sys.exit())
while True:
    try:
        work()
    except (redis.RedisError, psycopg2.Error) as error:
        print(f'Trying again: {error}', file=sys.stderr)
        time.sleep(1)
