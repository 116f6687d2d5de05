-- What a visitor left to be brought to a customer.
-- KEYS: moves, parcel's profile, log and timers. ARGV: move.
-- Out: what the move is, or nil if it has arrived; profile or nil; log; timers as name, due, data.
local told = redis.call('HGET', KEYS[1], ARGV[1])
local base = redis.call('HGET', KEYS[2], 'base')
return { told, base, redis.call('LRANGE', KEYS[3], 0, -1), redis.call('LRANGE', KEYS[4], 0, -1) }
