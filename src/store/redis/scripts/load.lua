-- What is kept under an id, or the customer for whom it stands.
-- KEYS: alias, profile, log, moves. ARGV: 1 to follow the alias.
-- Out: alias or nil, whether that move has not arrived yet, token or nil, profile or nil, log.
local alias = ARGV[1] == '1' and redis.call('GET', KEYS[1])
if alias then
    return { alias, redis.call('HEXISTS', KEYS[4], string.sub(alias, 1, 16)), false, false, {} }
end
local kept = redis.call('HMGET', KEYS[2], 'token', 'base')
return { false, 0, kept[1], kept[2], redis.call('LRANGE', KEYS[3], 0, -1) }
