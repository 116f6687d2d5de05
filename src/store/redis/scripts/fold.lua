-- Puts a profile in the place of the first entries of its log, of which it is what they come to. Nothing happens if somebody else
-- did so since: what was read then is not what is there now.
-- KEYS: profile, log, seen, unfolded, lists that were left, lists that were joined. ARGV: token, new token, id, entries, profile or
-- nothing, last seen, number of lists that were left.
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then
    return 0
end
local id, joined = ARGV[3], 5 + ARGV[7]
for place = 5, #KEYS do
    redis.call(place < joined and 'SREM' or 'SADD', KEYS[place], id)
end
redis.call('LTRIM', KEYS[2], ARGV[4], -1)
local is_all = redis.call('EXISTS', KEYS[2]) == 0
if is_all then
    redis.call('SREM', KEYS[4], id)
end
if ARGV[5] ~= '' then
    redis.call('HSET', KEYS[1], 'token', ARGV[2], 'base', ARGV[5])
elseif is_all then
    redis.call('DEL', KEYS[1])
    redis.call('ZREM', KEYS[3], id)
    return 1
else
    redis.call('HDEL', KEYS[1], 'base')
    redis.call('HSET', KEYS[1], 'token', ARGV[2])
end
if is_all then
    redis.call('ZADD', KEYS[3], ARGV[6], id)
else
    redis.call('ZADD', KEYS[3], 'GT', ARGV[6], id)
end
return 1
