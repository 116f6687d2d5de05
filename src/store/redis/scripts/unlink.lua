-- A visitor stands for nobody any more, if it is by this very move that they do.
-- KEYS: alias. ARGV: the alias.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
return redis.call('DEL', KEYS[1])
