-- A visitor stands for this customer no more, if it was by this very move that they did.
-- KEYS: bearers. ARGV: visitor, move.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
    return 0
end
return redis.call('HDEL', KEYS[1], ARGV[1])
