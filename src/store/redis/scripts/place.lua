-- Says when a profile was last seen, if it is as it was read.
-- KEYS: profile, seen. ARGV: token, id, last seen.
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then
    return 0
end
return redis.call('ZADD', KEYS[2], 'CH', ARGV[3], ARGV[2])
