-- A parcel has arrived: it is no more.
-- KEYS: moves, parcel's profile, log and timers. ARGV: move.
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
return redis.call('HDEL', KEYS[1], ARGV[1])
