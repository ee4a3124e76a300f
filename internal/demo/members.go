package demo

import (
	"math"
	"math/bits"
)

// A members is the synthetic membership: everything about a member is a
// function of the seed and the member's number, so that any part of the table
// can be made without the rest.
type members struct {
	seed  uint64
	count int64

	place      chooser
	birthYears chooser
	sex        chooser
	joined     chooser
	fee        chooser
	page       chooser
	hour       []float64 // cumulative share of the visits by hour, 25 entries
	occupation [4]chooser
}

// What is drawn about a member or a visit; each has random bits of its own.
const (
	aboutPlace = iota + 1
	aboutTown
	aboutBirthYear
	aboutBirthDay
	aboutSex
	aboutOccupation
	aboutJoinYear
	aboutJoinTime
	aboutFee
	aboutVisitor
	aboutPage
	aboutStay
	aboutSecond
)

// thisYear is the year of the visits, of which ages are taken.
const thisYear = 2026

var (
	sexes       = []string{"女性", "男性", "無回答"}
	sexShares   = []int{505, 485, 10}
	occupations = []string{"会社員", "公務員", "自営業", "自由業", "会社役員", "専門職", "パート・アルバイト", "派遣・契約社員", "学生(高校)", "学生(大学・専門)", "主婦・主夫", "無職", "その他"}
	// occupationShares by age: under 19, under 23, under 60, 60 and over.
	occupationShares = [4][]int{
		{30, 2, 1, 3, 0, 1, 60, 10, 700, 150, 2, 30, 11},
		{180, 20, 5, 15, 0, 20, 160, 50, 5, 500, 15, 25, 5},
		{480, 60, 50, 30, 15, 75, 95, 80, 0, 8, 70, 25, 12},
		{150, 30, 110, 30, 40, 30, 140, 40, 0, 2, 170, 240, 18},
	}
	fees      = []int64{0, 330, 550, 1100, 3300}
	feeShares = []int{880, 70, 35, 13, 2}
	pages     = []string{
		"/home", "/diary", "/diary/friends", "/message", "/community", "/community/topic", "/photo", "/news", "/game", "/game/farm", "/voice", "/profile",
		"/footprint", "/calendar", "/music", "/review", "/search", "/ranking", "/event", "/gift", "/shop", "/quiz", "/video", "/map", "/checkin", "/apps",
		"/settings", "/friends/find", "/community/search", "/premium", "/help", "/help/contact", "/event/offline", "/job", "/health", "/health/consult",
		"/legal", "/invite", "/archive", "/leave",
	}
	// hourShares are the visits by hour of the day: commuting, noon and, most
	// of all, the evening.
	hourShares = []int{46, 30, 18, 11, 8, 9, 18, 38, 49, 38, 34, 37, 60, 46, 37, 37, 40, 46, 53, 59, 66, 76, 80, 64}
)

func newMembers(seed uint64, count int64) *members {
	m := &members{seed: seed, count: max(count, 1)}
	population := map[string]int{}
	for _, p := range prefectures {
		population[p.area] += p.population
	}
	share := map[string]int{}
	for _, a := range areas {
		share[a.name] = a.share
	}
	weights := make([]float64, len(prefectures))
	for i, p := range prefectures {
		weights[i] = float64(share[p.area]) * float64(p.population) / float64(population[p.area])
	}
	m.place = newChooser(weights)
	m.birthYears = newChooser(agesFrom15())
	m.sex = newChooser(ints(sexShares))
	m.fee = newChooser(ints(feeShares))
	for i, s := range occupationShares {
		m.occupation[i] = newChooser(ints(s))
	}
	// Members joined from 2004 on; most came in the years around 2008.
	join := make([]float64, thisYear-2003)
	for i := range join {
		d := float64(i - 4)
		join[i] = 1/(1+d*d/6) + 0.05
	}
	m.joined = newChooser(join)
	zipf := make([]float64, len(pages))
	for i := range zipf {
		zipf[i] = 1 / float64(i+1)
	}
	m.page = newChooser(zipf)
	m.hour = make([]float64, 25)
	total := 0.0
	for _, s := range hourShares {
		total += float64(s)
	}
	for i, s := range hourShares {
		m.hour[i+1] = m.hour[i] + float64(s)/total
	}
	m.hour[24] = 1
	return m
}

// agesFrom15 returns the weights of the ages 15 to 89: 9.6 % in their tens,
// 49.5 % twenties, 28.6 % thirties and 12.3 % older, as a large Japanese social
// network published for March 2011. Inside the first three the year is even;
// over 40 it falls by 8 % a year.
func agesFrom15() []float64 {
	w := make([]float64, 75)
	tail := 0.0
	for age := 40; age < 90; age++ {
		w[age-15] = math.Pow(0.92, float64(age-40))
		tail += w[age-15]
	}
	for i := range w {
		switch age := i + 15; {
		case age < 20:
			w[i] = 96.0 / 5
		case age < 30:
			w[i] = 495.0 / 10
		case age < 40:
			w[i] = 286.0 / 10
		default:
			w[i] *= 123 / tail
		}
	}
	return w
}

// bits returns 64 random bits for one thing about member or visit i: the
// finaliser of SplitMix64 (Steele, Lea and Flood 2014) over seed, thing and i.
// It makes the demonstration's input and nothing else; no privacy rests on it.
func (m *members) bits(about int, i int64) uint64 {
	z := m.seed ^ uint64(about)*0xd1342543de82ef95 + uint64(i)*0x9e3779b97f4a7c15
	for range 2 {
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
	}
	return z
}

// visitor returns the member of a visit. Ranks follow a Zipf law of exponent
// 0.7: by u = share^(1/0.3), the most active hundredth makes a quarter of the
// visits (0.01^0.3 = 0.25).
func (m *members) visitor(row int64) int64 {
	u := unit(m.bits(aboutVisitor, row))
	rank := int64(float64(m.count) * u * u * u * math.Cbrt(u))
	return min(rank, m.count-1)
}

// id returns the member's identifier: numbers without order or gaps of
// meaning, from 1,000,003 up.
func (m *members) id(member int64) int64 {
	// An odd multiplier permutes the residues of a power of two; walking on
	// from results beyond the members keeps it a permutation of them.
	mask := uint64(1)<<bits.Len64(uint64(m.count-1)) - 1
	x := uint64(member)
	for {
		x = (x*0x5851f42d4c957f2d + 0x14057b7ef767814f) & mask
		if x < uint64(m.count) {
			return 1_000_003 + int64(x)
		}
	}
}

func (m *members) prefectureOf(member int64) int {
	return m.place.choose(m.bits(aboutPlace, member))
}

// postalCode writes seven digits into b: two of the prefecture, then a town.
// Towns are skewed too: u² crowds the low numbers.
func (m *members) postalCode(b *[7]byte, member int64) {
	p := prefectures[m.prefectureOf(member)].prefixes
	r := m.bits(aboutTown, member)
	at := int(r % uint64(len(p)/2) * 2)
	b[0], b[1] = p[at], p[at+1]
	u := unit(bits.RotateLeft64(r, 32))
	town := int(u * u * 600)
	b[2] = byte('0' + town/60%10)
	b[3] = '0'
	b[4] = byte('0' + town%60/10)
	b[5] = byte('0' + town%10)
	b[6] = byte('1' + town%7)
}

func (m *members) age(member int64) int {
	return 15 + m.birthYears.choose(m.bits(aboutBirthYear, member))
}

// birthDate returns days since 1970-01-01.
func (m *members) birthDate(member int64) int32 {
	year := thisYear - 1 - m.age(member)
	first, next := daysTo(year), daysTo(year+1)
	return first + int32(m.bits(aboutBirthDay, member)%uint64(next-first))
}

func (m *members) occupationOf(member int64) int {
	age, group := m.age(member), 3
	switch {
	case age < 19:
		group = 0
	case age < 23:
		group = 1
	case age < 60:
		group = 2
	}
	return m.occupation[group].choose(m.bits(aboutOccupation, member))
}

// registeredAt returns microseconds since 1970-01-01, local time. Nobody
// joined before the age of fifteen.
func (m *members) registeredAt(member int64) int64 {
	year := 2004 + m.joined.choose(m.bits(aboutJoinYear, member))
	year = min(max(year, thisYear-m.age(member)+15), thisYear)
	seconds := int64(daysTo(year+1)-daysTo(year)) * 86400
	if year == thisYear {
		seconds = 270 * 86400 // before the visits, which are in October
	}
	return (int64(daysTo(year))*86400 + int64(m.bits(aboutJoinTime, member)%uint64(seconds))) * 1e6
}

// visitedAt returns microseconds since 1970-01-01, local time: visits stand in
// the order of time, over the 31 days of October.
func (m *members) visitedAt(row, rows int64) int64 {
	const days = 31
	at := float64(row) / float64(max(rows, 1)) * days
	day := math.Floor(at)
	part := at - day
	h := 0
	for h < 23 && m.hour[h+1] <= part {
		h++
	}
	inHour := (part - m.hour[h]) / (m.hour[h+1] - m.hour[h])
	seconds := int64(daysTo(thisYear)+273+int32(day))*86400 + int64(h)*3600 + int64(inHour*3600)
	return seconds * 1e6
}

func (m *members) pageOf(row int64) int { return m.page.choose(m.bits(aboutPage, row)) }

// stay returns the seconds spent on a page: exponential with mean 45, at most
// half an hour.
func (m *members) stay(row int64) int64 {
	u := unit(m.bits(aboutStay, row))
	return min(1+int64(-45*math.Log1p(-u)), 1800)
}

// daysTo returns the days from 1970-01-01 to the first day of a year of the
// Gregorian calendar after 1900.
func daysTo(year int) int32 {
	y := year - 1
	return int32(y*365 + y/4 - y/100 + y/400 - 719162)
}

// unit turns random bits into a number in [0, 1).
func unit(r uint64) float64 { return float64(r>>11) / (1 << 53) }

func ints(ws []int) []float64 {
	out := make([]float64, len(ws))
	for i, w := range ws {
		out[i] = float64(w)
	}
	return out
}

// A chooser draws an index with given weights in constant time: the alias
// method of Walker (1977), as Vose (1991) builds its table.
type chooser struct {
	keep  []float64 // probability that slot i keeps its own index
	alias []int
}

func newChooser(weights []float64) chooser {
	n := len(weights)
	c := chooser{make([]float64, n), make([]int, n)}
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	var small, large []int
	for i, w := range weights {
		c.keep[i], c.alias[i] = w*float64(n)/sum, i
		if c.keep[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		c.alias[s] = l
		c.keep[l] -= 1 - c.keep[s]
		if c.keep[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	for _, i := range append(small, large...) {
		c.keep[i] = 1 // what rounding left over
	}
	return c
}

func (c *chooser) choose(r uint64) int {
	slot, rest := bits.Mul64(r, uint64(len(c.keep)))
	if float64(rest>>11)/(1<<53) < c.keep[slot] {
		return int(slot)
	}
	return c.alias[slot]
}
