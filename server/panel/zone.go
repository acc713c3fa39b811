package panel

import (
	"reflect"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
)

// zone returns the time zone that the member has chosen, or UTC: a script then
// converts times to the browser's.
func (v *Visit) zone() *time.Location {
	zone, err := account.ParseZone(v.In.Member.Zone)
	if err != nil {
		return time.UTC // an older program may not know it
	}
	return zone
}

// inZone returns the page with all its times in the zone, except those that
// already have one, as in the log.
func inZone(page any, zone *time.Location) any {
	own := reflect.New(reflect.TypeOf(page)).Elem()
	own.Set(reflect.ValueOf(page))
	setZone(own, zone)
	return own.Interface()
}

func setZone(v reflect.Value, zone *time.Location) {
	switch v.Kind() {
	case reflect.Struct:
		if v.CanInterface() {
			if t, ok := v.Addr().Interface().(*time.Time); ok {
				if l := t.Location(); l == time.UTC || l == time.Local {
					*t = t.In(zone)
				}
				return
			}
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() || v.Type().Field(i).Anonymous {
				setZone(v.Field(i), zone)
			}
		}
	case reflect.Pointer:
		if !v.IsNil() && v.CanSet() {
			own := reflect.New(v.Type().Elem())
			own.Elem().Set(v.Elem())
			setZone(own.Elem(), zone)
			v.Set(own)
		}
	case reflect.Slice:
		if v.IsNil() || !v.CanSet() {
			return
		}
		own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(own, v)
		for i := range own.Len() {
			setZone(own.Index(i), zone)
		}
		v.Set(own)
	}
}
