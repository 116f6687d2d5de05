-- Writes an entry behind those that are there.
-- KEYS: alias, profile, log, moves, seen, unfolded. ARGV: 1 to follow the alias, new token, id, last seen, 1 if lists must learn of
-- it, entry.
-- Out: alias or nil, whether that move has not arrived yet, how many entries there are.
local alias = ARGV[1] == '1' and redis.call('GET', KEYS[1])
if alias then
    return { alias, redis.call('HEXISTS', KEYS[4], string.sub(alias, 1, 16)), 0 }
end
redis.call('HSETNX', KEYS[2], 'token', ARGV[2])
local length = redis.call('RPUSH', KEYS[3], ARGV[6])
redis.call('ZADD', KEYS[5], 'GT', ARGV[4], ARGV[3])
if ARGV[5] == '1' then
    redis.call('SADD', KEYS[6], ARGV[3])
end
return { false, 0, length }
