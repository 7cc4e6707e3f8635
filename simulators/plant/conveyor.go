package plant

// conveyor carries bottles or packs from one machine to the next and is, with
// what it holds, the buffer between them. It never holds more than two
// products: those in front, and behind them the first of the next product.
type conveyor struct {
	capacity    int
	coast       int // what still comes while the machine before it comes to rest
	product     int // index of the recipe in front
	front, back int
}

func newConveyor(capacity, coast, held int) *conveyor {
	return &conveyor{capacity: capacity, coast: coast, front: held}
}

func (c *conveyor) held() int { return c.front + c.back }

func (c *conveyor) fill() float64 { return float64(c.held()) / float64(c.capacity) }

// full tells the machine before it to stop; that one may start again when
// there is room.
func (c *conveyor) full() bool { return c.held() >= c.capacity-c.coast }

func (c *conveyor) hasRoom() bool { return c.held() <= (c.capacity-c.coast)*8/10 }

// empty tells the machine behind it to stop; that one may start again when
// there is stock. Where the last of a product have passed the sensor nothing
// more will come, and they are used up.
func (c *conveyor) empty() bool { return c.back == 0 && c.front <= c.capacity/20 }

func (c *conveyor) hasStock() bool { return c.back > 0 || c.front >= c.capacity/4 }

// put lays one item of a product on the end.
func (c *conveyor) put(product int) {
	if product == c.product {
		c.front++
	} else {
		c.back++
	}
}

// take removes the item in front.
func (c *conveyor) take() { c.front-- }

// change lets the next product come to the front, which must be empty.
func (c *conveyor) change(product int) {
	c.product, c.front, c.back = product, c.back, 0
}
