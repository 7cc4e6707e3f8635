package plant

// recipe is what the line does with a product.
type recipe struct {
	product string
	speed   int64   // of the filler, in bottles per hour
	litres  float64 // per bottle
	pack    int     // bottles in a pack
}

var recipes = [...]recipe{
	{product: "PET-1L", speed: 24000, litres: 1, pack: 6},
	{product: "PET-05L", speed: 36000, litres: 0.5, pack: 12},
}

// Packs on a full pallet.
const (
	packsPerLayer  = 14
	layersOfPallet = 4
	packsPerPallet = packsPerLayer * layersOfPallet
)
