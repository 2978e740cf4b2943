-- Gives jobs that ask for it a begin time in clean hours.  Written by `clean-hours operator lua`.
--
--   sbatch --comment=clean-hours-within:12h job.sh             may start up to 12 h later
--   sbatch --comment=clean-hours-within:12h,length:90m job.sh  and runs for about 90 min
--
-- The start with the least emissions over the job's length (by default its time limit) is taken from
-- a table that `clean-hours operator table` writes.  The job waits by its *eligible time* and is
-- never held: it starts by itself when that falls due, whatever happens to anybody's agent.
--
-- Whatever is wrong, the job is left as it is and accepted: no table, one that is too old, cut short
-- or no table at all; a comment that is no such request; an error in here.  Nothing is waited for:
-- one small file is read.  A centre with a job_submit.lua of its own begins it with
-- `dofile("/etc/slurm/clean_hours.lua")` and calls `clean_hours_begin(job)` in its function.

local TABLE = "@TABLE@"
local MOST_BYTES, MOST_ROWS = 65536, 1000
local LONGEST_WAIT_S = 7 * 24 * 3600
local UNIT_S = { s = 1, m = 60, h = 3600, d = 86400 }

-- Digits alone: tonumber would take "0x10", "1e9" and "nan", too.
local function whole(text)
   if text and #text <= 12 and string.match(text, "^%d+$") then return tonumber(text) end
   return nil
end

local function asked_for(comment)
   if type(comment) ~= "string" or #comment > 200 then return nil end
   local wait, unit, rest = string.match(comment, "^clean%-hours%-within:(%d+)([smhd])(.*)$")
   wait = whole(wait)
   if not wait then return nil end
   wait = math.min(wait * UNIT_S[unit], LONGEST_WAIT_S)
   if rest == "" then return wait, nil end
   local length, of = string.match(rest, "^,length:(%d+)([smhd])$")
   length = whole(length)
   if not length then return nil end
   return wait, length * UNIT_S[of]
end

-- Edges [s] and intensities [g/kWh] of the table, or nil and what is wrong with it.
local function read_table(now)
   local file = io.open(TABLE, "r")
   if not file then return nil, "there is none" end
   local text = file:read(MOST_BYTES + 1)
   file:close()
   if not text or #text > MOST_BYTES then return nil, "its size" end
   local good_until, body = string.match(text, "^clean%-hours%-table/1\nuntil (%d+)\n(.*)$")
   good_until = whole(good_until)
   if not good_until then return nil, "its first lines" end
   if now > good_until then return nil, "it is too old" end
   local edges, values, ended = {}, {}, false
   for line in string.gmatch(body, "([^\n]*)\n") do
      local edge, value = string.match(line, "^(%d+) ([%d.]+)$")
      edge = whole(edge or string.match(line, "^(%d+) end$"))
      if ended or not edge or (#edges > 0 and edge <= edges[#edges]) or #edges > MOST_ROWS then
         return nil, "line " .. (#edges + 3)
      end
      edges[#edges + 1] = edge
      if value then
         if #value > 12 or not string.match(value, "^%d+%.?%d*$") then
            return nil, "line " .. (#edges + 2)
         end
         values[#values + 1] = tonumber(value)
      else
         ended = true
      end
   end
   if not ended or #values == 0 then return nil, "it is cut short" end
   return edges, values
end

-- Intensity integrated from the first edge to an instant; nil outside of the table.
local function integral(edges, values, sums, at)
   if at < edges[1] or at > edges[#edges] then return nil end
   local low, high = 1, #values
   while low < high do
      local middle = math.floor((low + high + 1) / 2)
      if edges[middle] <= at then low = middle else high = middle - 1 end
   end
   return sums[low] + (at - edges[low]) * values[low]
end

-- The earliest of the best starts from `first` to `last`; nil where `first` is not in the table.
local function best_start(edges, values, first, last, length)
   local sums, tried = { 0 }, { first, last }
   for i = 1, #values do sums[i + 1] = sums[i] + (edges[i + 1] - edges[i]) * values[i] end
   -- An interval that slides over steps is cheapest where one of its ends lies on an edge.
   for i = 1, #edges do
      tried[#tried + 1] = edges[i]
      tried[#tried + 1] = edges[i] - length
   end
   table.sort(tried)
   local best, least
   for _, start in ipairs(tried) do
      if start >= first and start <= last then
         local from = integral(edges, values, sums, start)
         local to = integral(edges, values, sums, start + length)
         if start == first and not (from and to) then return nil end
         if from and to and (not best or to - from < least * (1 - 1e-9)) then
            best, least = start, to - from
         end
      end
   end
   return best
end

local function begin_of(job)
   local wait, length = asked_for(job.comment)
   if not wait then return nil end
   local now = os.time()
   if not length and job.time_limit and job.time_limit < slurm.INFINITE - 1 then
      length = 60 * job.time_limit
   end
   if not length or length <= 0 then
      slurm.log_user("clean-hours: say --time or length:, else the job is not moved")
      return nil
   end
   local first = now
   if job.begin_time and job.begin_time > now and job.begin_time < slurm.INFINITE - 1 then
      first = job.begin_time
   end
   local edges, values = read_table(now)
   if not edges then
      slurm.log_info("clean-hours: no job is moved, for the table %s: %s", TABLE, values)
      return nil
   end
   local start = best_start(edges, values, first, math.max(first, now + wait), length)
   if not start or start <= first then return nil end
   return math.ceil(start)
end

-- Sets the begin time of a job that asks for clean hours; never refuses one.
function clean_hours_begin(job)
   local well, start = pcall(begin_of, job)
   if not well then
      slurm.log_error("clean-hours: %s", tostring(start))
   elseif start then
      job.begin_time = start
      slurm.log_user("clean-hours: may start at %s", os.date("!%Y-%m-%dT%H:%M:%SZ", start))
   end
end

if not slurm_job_submit then
   function slurm_job_submit(job, partitions, uid)
      clean_hours_begin(job)
      return slurm.SUCCESS
   end
end
if not slurm_job_modify then
   function slurm_job_modify(job, old, partitions, uid) return slurm.SUCCESS end
end

return slurm.SUCCESS
