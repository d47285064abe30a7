# Writes one line a day: its number and its visitors. $1: how many days.
set -eu
mkdir -p "$KITCHEN_DATA/hello"
awk -v days="$1" 'BEGIN {
  print "day,visitors"
  for (day = 1; day <= days; day++) print day "," 100 + (day * 37) % 50 + (day % 7 == 6) * 80
}' > "$KITCHEN_DATA/hello/visitors.csv"
echo "rows=$1" >> "$KITCHEN_OUTPUT"
